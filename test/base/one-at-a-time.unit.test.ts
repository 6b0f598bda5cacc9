import { strict as assert } from 'node:assert'
import { test } from 'vitest'
import { oneAtATime } from '../../src/base/one-at-a-time.js'

/** Work that ends when the test says so, and what happened in which order. */
function scene() {
  const happened: string[] = []
  const ends = new Map<string, (error?: Error) => void>()
  const work = (name: string) => (): Promise<string> => {
    happened.push(`${name} starts`)
    return new Promise<string>((resolve, reject) =>
      ends.set(name, (error) => {
        happened.push(`${name} ends`)
        if (error === undefined) resolve(name)
        else reject(error)
      }),
    )
  }
  return { happened, work, end: (name: string, error?: Error) => ends.get(name)!(error) }
}

test('a call starts when the one before it has ended, and each call gets its own result', async () => {
  const { happened, work, end } = scene()
  const run = oneAtATime()
  const [first, second] = [run(work('first')), run(work('second'))]
  await Promise.resolve()
  assert.deepEqual(happened, ['first starts'])
  end('first')
  assert.equal(await first, 'first')
  await Promise.resolve()
  end('second')
  assert.equal(await second, 'second')
  assert.deepEqual(happened, ['first starts', 'first ends', 'second starts', 'second ends'])
})

test('a failed call rejects alone: the next one runs', async () => {
  const { work, end } = scene()
  const run = oneAtATime()
  const failed = run(work('failed'))
  const next = run(() => Promise.resolve('next'))
  await Promise.resolve()
  end('failed', new Error('no'))
  await assert.rejects(failed, /no/)
  assert.equal(await next, 'next')
})

test('a call that throws at once rejects, and the next one runs', async () => {
  const run = oneAtATime()
  const failed = run(() => {
    throw new Error('at once')
  })
  await assert.rejects(failed, /at once/)
  assert.equal(await run(() => Promise.resolve(1)), 1)
})

test('two queues do not wait for each other', async () => {
  const { work, end } = scene()
  const blocked = oneAtATime()(work('blocked'))
  assert.equal(await oneAtATime()(() => Promise.resolve('free')), 'free')
  end('blocked')
  await blocked
})
