import assert from 'node:assert/strict'
import { test } from 'vitest'
import { EngineError, isEngineError } from '../../../src/base/errors.js'
import { redisError } from '../../../src/state/redis/errors.js'

/** An error as the client throws it: with the command that failed. */
const reply = (message: string): Error =>
  Object.assign(new Error(message), { name: 'ReplyError', command: { name: 'evalsha', args: ['person-7', 'secret'] } })

const waits = [
  'LOADING Redis is loading the dataset in memory',
  "READONLY You can't write against a read only replica. script: 5b1e, on @user_script:9.",
  'ERR Error running script (call to f_5b1e): @user_script:9: @user_script: 9: -MISCONF Redis is configured ' +
    'to save RDB snapshots',
  'CLUSTERDOWN The cluster is down',
  'TRYAGAIN Multiple keys request during rehashing of slot',
  'MOVED 3999 127.0.0.1:6381',
  'MASTERDOWN Link with MASTER is down',
  'NOREPLICAS Not enough good replicas to write.',
  'BUSY Redis is busy running a script.',
]

for (const message of waits)
  test(`is retried: ${message.slice(0, 70)}`, () =>
    assert.ok(isEngineError(redisError(reply(message), 'r:1'), 'STORE_DOWN')))

test('an error that is no reply means that the server is unreachable', () => {
  for (const message of [
    'connect ECONNREFUSED 127.0.0.1:1',
    'Connection is closed.',
    "Stream isn't writeable and enableOfflineQueue options is false",
  ])
    assert.ok(isEngineError(redisError(new Error(message), 'r:1'), 'STORE_DOWN'))
})

test('a wrong command is no server failure, and an error of the engine stays unchanged', () => {
  assert.ok(
    !isEngineError(redisError(reply('WRONGTYPE Operation against a key holding the wrong kind of value'), 'r:1')),
  )
  const fenced = new EngineError('FENCED', 'x')
  assert.equal(redisError(fenced, 'r:1'), fenced)
})

test('no error carries the arguments of the command', () => {
  for (const message of [...waits, 'ERR unknown', 'WRONGPASS invalid']) {
    const error = redisError(reply(message), 'r:1') as Error
    assert.doesNotMatch(JSON.stringify(error, Object.getOwnPropertyNames(error)), /person-7|secret/)
  }
})
