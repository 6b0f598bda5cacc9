import { strict as assert } from 'node:assert'
import { describe, test } from 'vitest'
import { attendance } from '../../src/streams/built-in/attendance.js'
import { doors } from '../fixtures/doors.js'
import { drive } from './drive.js'
import { modelThat } from './models.js'
import { again, record } from './story.js'
import { checkIn, people, phone, workdays } from './words/attendance.js'
import { pass, passesOf } from './words/doors.js'

const failureOf = async (sentence: Promise<void>): Promise<string> => {
  const error = await sentence.then(
    () => assert.fail('the sentence holds'),
    (thrown: unknown) => thrown as Error,
  )
  return error.message
}

describe('a sentence', () => {
  test('fails with everything that differs, and with what came', async () => {
    const message = await failureOf(
      drive(attendance)
        .given(workdays(5, { person: 'ann', device: 'own' }), people(4).checkInWith(phone('p1'), { minutesApart: 5 }))
        .when(checkIn({ person: 'ann', device: 'p1' }))
        .then({ risk: 'low', reasons: ['speed_kmh'], features: { people_on_device_1h: 9, elapsed_s: null } }),
    )
    assert.equal(
      message,
      'When ann checks in with p1: expected risk low, but it is high; expected reasons speed_kmh, but they are ' +
        'device_familiarity_28d, device_person_changed, device_elapsed_s; ' +
        'expected people_on_device_1h 9, but it is 5; ' +
        'expected elapsed_s missing, but it is 1260.\n' +
        'What came: it scored 0.865979, high risk, by heuristic:no-model (heuristic_v1).',
    )
  })

  test('fails where another kind of result came', async () => {
    assert.equal(
      await failureOf(drive(doors).when(record('noise')).then({ risk: 'low' })),
      'When the record "noise": expected a prediction.\n' +
        'What came: it is the dead letter BAD_JSON ' +
        "(an event starts with '{' (JSON), C3 01 or 0 (Avro), not with 0x6e).",
    )
    assert.match(
      await failureOf(drive(doors).when(pass()).then({ deadLetter: 'BAD_JSON' })),
      /expected the dead letter BAD_JSON\.\nWhat came: it scored 0\.11, low risk/,
    )
    assert.match(
      await failureOf(drive(doors).when(pass()).then({ duplicate: true })),
      /When badge b1 of acme opens door d1: expected a duplicate/,
    )
    assert.match(
      await failureOf(drive(doors).given(pass()).when(again()).then({ score: 1 })),
      /opens door d1, again: expected a prediction\.\nWhat came: it is a duplicate/,
    )
  })

  test('fails for a feature that the stream does not have', async () => {
    const sentence = drive(doors)
      .when(pass())
      .then({ features: { speed: 1 } })
    assert.match(await failureOf(sentence), /expected speed 1, but it is not in the vector/)
  })

  test('points at the line of the test', async () => {
    const error = await drive(doors)
      .when(pass())
      .then({ risk: 'high' })
      .catch((thrown: unknown) => thrown as Error)
    assert.match(String((error as Error).stack).split('\n    at ')[1]!, /drive\.unit\.test/)
  })

  test('needs one expectation for all events, or one for each', async () => {
    await drive(doors).when(passesOf(3)).then({ late: false })
    const sentence = drive(doors).when(passesOf(3)).then([{}, {}])
    assert.equal(await failureOf(sentence), 'the sentence expects 2 results of 3 events')
  })

  test('does not hang where somebody awaits it without its end', () =>
    assert.rejects(async () => {
      await (drive(doors).when(pass()) as unknown as Promise<void>)
    }, /a sentence ends with then/))
})

describe('the score of a sentence', () => {
  const forceful = modelThat((x) => (x['force']! > 90 ? assert.fail('too much') : x['force']! / 100), { version: 'v7' })

  test('is that of the model where one is given', () =>
    drive(doors, { model: forceful })
      .when(pass({ force: 85 }))
      .then({ by: 'model', version: 'v7', score: 0.85, risk: 'high', reasons: ['force'] }))

  test('is that of the heuristic for an event on which the model fails', () =>
    drive(doors, { model: forceful })
      .when(pass({ force: 95 }), pass({ force: 20 }))
      .then([
        { by: 'heuristic:model-error', version: 'heuristic_v1' },
        { by: 'model', score: 0.2 },
      ]))
})
