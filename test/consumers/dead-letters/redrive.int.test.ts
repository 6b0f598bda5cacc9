import { describe, test } from 'vitest'
import { driveEngine, theDeadLettersAreRedriven, theTenantsAreConfigured } from '../../drive/engine.js'
import { each } from '../../drive/expected.js'
import { record } from '../../drive/story.js'
import { pass, passesOf } from '../../drive/words/doors.js'
import { doors } from '../../fixtures/doors.js'
import { engineHarness } from '../engine-harness.js'
import { redriveContract } from './redrive.contract.js'

redriveContract(() => engineHarness())

const acmeAlone = { tenants: new Set(['acme']) }

describe('a dead letter', () => {
  test('of a tenant that is configured later is scored when it is redriven', () =>
    driveEngine(doors, acmeAlone)
      .given(passesOf(6))
      .when(pass({ tenant: 'stranger' }), pass({ tenant: 'stranger' }))
      .and(theTenantsAreConfigured('any'), theDeadLettersAreRedriven())
      .then([
        { by: 'heuristic:no-model', late: false, features: { passes_1h: 1 } },
        { late: false, features: { passes_1h: 2 } },
      ]))

  test('of a tenant that is configured later stays a dead letter until it is redriven', () =>
    driveEngine(doors, acmeAlone)
      .when(pass({ tenant: 'stranger' }))
      .and(theTenantsAreConfigured('any'), pass({ tenant: 'stranger' }))
      .then({ deadLetter: 'UNKNOWN_TENANT' }))

  test('that is redriven after newer events of its tenant is late', () =>
    driveEngine(doors, acmeAlone)
      .given(pass({ tenant: 'stranger', id: 'first' }))
      .when(pass({ tenant: 'stranger', ago: '2h' }))
      .and(theTenantsAreConfigured('any'), pass({ tenant: 'stranger' }), theDeadLettersAreRedriven())
      .then({ late: true }))

  test('that is still bad stays a dead letter, also where it is redriven all the same', () =>
    driveEngine(doors)
      .when(record('{"torn'), pass({ columns: { force: 'much' } }))
      .and(theDeadLettersAreRedriven(), theDeadLettersAreRedriven({ evenBad: true }))
      .then([
        { deadLetter: 'BAD_JSON', text: '{"torn' },
        { deadLetter: 'BAD_FIELD', because: /force/ },
      ]))

  test('that is redriven twice is scored once', () =>
    driveEngine(doors, acmeAlone)
      .given(pass({ tenant: 'stranger' }))
      .when(pass({ tenant: 'stranger' }))
      .and(theTenantsAreConfigured('any'), theDeadLettersAreRedriven(), theDeadLettersAreRedriven(), passesOf(3))
      .then(each(1, { features: { passes_1h: 2 } })))
})
