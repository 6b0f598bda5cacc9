import { strict as assert } from 'node:assert'
import { isEngineError, type ErrorCode } from '../../../src/base/errors.js'

/** Asserts that the call fails because of the record, with this code, message and field. */
export function refused(decode: () => unknown, code: ErrorCode, message: RegExp, field?: string): void {
  assert.throws(decode, (error) => {
    assert.ok(isEngineError(error, code), String(error))
    assert.match(error.message, message)
    assert.equal(error.field, field)
    assert.equal(error.disposition, 'dead-letter')
    return true
  })
}
