import assert from 'node:assert/strict'
import { test } from 'vitest'
import { isEngineError } from '../../../src/base/errors.js'
import { chooseStreams } from '../../../src/streams/choose.js'

const accepted = async (...accept: readonly string[]): Promise<Readonly<Record<string, string | undefined>>> =>
  Object.fromEntries(
    (await chooseStreams({ builtin: ['attendance', 'sync'], paths: [], accept })).map(({ name, accepts }) => [
      name,
      accepts,
    ]),
  )

test("a topic accepts its stream's format, else the format for all streams, else any format", async () => {
  assert.deepEqual(await accepted(), { attendance: undefined, sync: undefined })
  assert.deepEqual(await accepted('sync=json', 'avro'), { attendance: 'avro', sync: 'json' })
  assert.deepEqual(await accepted('avro', 'sync=any'), { attendance: 'avro', sync: 'any' })
})

test.each([
  ['protobuf', /'protobuf' is not avro, json, or a format for one stream, such as attendance=avro/],
  ['sync=', /'sync=' is not avro/],
  ['synk=json', /there is no stream 'synk'; the streams are attendance, sync/],
])('%s is refused', async (accept, message) => {
  await assert.rejects(accepted(accept), (error) => isEngineError(error, 'BAD_CONFIG') && message.test(error.message))
})
