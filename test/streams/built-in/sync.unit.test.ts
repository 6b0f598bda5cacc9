import { test } from 'vitest'
import { sync } from '../../../src/streams/built-in/sync.js'
import { drive } from '../../drive/drive.js'
import { again } from '../../drive/story.js'
import { edit } from '../../drive/words/sync.js'

test('an edit of a record that nobody else touches is low risk', () =>
  drive(sync)
    .given(edit({ user: 'ann', record: 'task-1' }))
    .when(edit({ user: 'ann', record: 'task-1', after: '2h', version: 2 }))
    .then({ risk: 'low', features: { others_since_last_sync: 0, record_user_changed: 0, base_version_step: 1 } }))

test('an edit that started before the edit of another person, of the same version, is high risk', () =>
  drive(sync)
    .given(edit({ user: 'bob', record: 'task-1', fields: 6 }))
    .when(edit({ user: 'ann', record: 'task-1', after: '10m', offline: '1h', fields: 6 }))
    .then({
      risk: 'high',
      reasons: ['others_since_last_sync'],
      features: { others_since_last_sync: 1, others_since_edit: 1, record_user_changed: 1, base_version_step: 0 },
    }))

test('an edit that started after the edit of another person is low risk', () =>
  drive(sync)
    .given(edit({ user: 'bob', record: 'task-1' }))
    .when(edit({ user: 'ann', record: 'task-1', after: '2h', offline: '1h', version: 2 }))
    .then({ risk: 'low', features: { others_since_last_sync: 0, record_user_changed: 1, record_editors_24h: 2 } }))

test('the same record id in another domain is another record', () =>
  drive(sync)
    .given(edit({ user: 'bob', record: '17' }))
    .when(edit({ user: 'ann', record: '17', after: '10m', offline: '1h', columns: { domain: 'ticket' } }))
    .then({
      risk: 'low',
      features: { others_since_last_sync: 0, record_user_changed: 0, record_editors_7d: 1, is_ticket: 1 },
    }))

test('three days offline alone are low risk', () =>
  drive(sync)
    .given(edit({ user: 'ann', record: 'task-1' }))
    .when(edit({ user: 'ann', record: 'task-2', after: '3d', offline: '3d' }))
    .then({ risk: 'low', features: { offline_h: 72 } }))

test('an upload that comes again is a duplicate', () =>
  drive(sync)
    .given(edit({ user: 'ann', record: 'task-1' }))
    .when(again())
    .then({ duplicate: true }))

test('an edit without a user is a dead letter that names the field', () =>
  drive(sync)
    .when(edit({ user: '', record: 'task-1' }))
    .then({ deadLetter: 'BAD_FIELD', because: /'user_id'/ }))
