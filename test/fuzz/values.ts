import type { Random } from '../simulation/random.js'

const texts = [
  '',
  ' ',
  '\u0000',
  'null',
  '1e3',
  'Zürich',
  '\ud800',
  '\udc00x',
  '\ufeff',
  '👩‍👩‍👧‍👦',
  '../../etc/passwd',
  '__proto__',
  'constructor',
  'a'.repeat(300),
  '2026-01-05T00:00:00+0100',
  '2026-02-30T00:00:00Z',
  '2016-12-31T23:59:60Z',
  'x\u001fy',
] as const

/** Text that no `JSON.stringify` writes, and that a parser may still accept. */
const rawNumbers = [
  '1e400',
  '-1e400',
  '-0',
  '1e-400',
  '9007199254740993',
  '18446744073709551616',
  '0.1',
  '1E+2',
] as const
const brokenRaw = [
  'NaN',
  'Infinity',
  '01',
  '.5',
  '+1',
  'undefined',
  "'x'",
  '0x10',
  '1_000',
  '"\\u12"',
  '"\\x41"',
] as const

const numbers = [
  0,
  -1,
  0.5,
  2 ** 31,
  -(2 ** 31) - 1,
  2 ** 52,
  2 ** 53,
  1e308,
  3.5e38,
  1e-320,
  1_767_686_400,
  1e15,
] as const

const nested = (random: Random): string => {
  const depth = random.pick([3, 50, 1_000, 5_000, 20_000])
  return random.chance(0.5)
    ? `${'['.repeat(depth)}${']'.repeat(depth)}`
    : `${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`
}

/** The JSON text of a value that a column may not expect, and sometimes text that is not JSON. */
export function foreignJson(random: Random): string {
  const kind = random.below(100)
  if (kind < 30) return JSON.stringify(random.pick(texts))
  if (kind < 55) return JSON.stringify(random.pick(numbers))
  if (kind < 65) return random.pick(rawNumbers)
  if (kind < 75) return random.pick(['null', 'true', 'false'])
  if (kind < 80) return random.pick(['[]', '{}', '[1,[2]]', '{"string":"x"}', '{"toJSON":1}', '{"__proto__":{"a":1}}'])
  if (kind < 82) return nested(random)
  if (kind < 84) return JSON.stringify('y'.repeat(random.below(20_000)))
  if (kind < 92) return random.pick(brokenRaw)
  return JSON.stringify(String.fromCharCode(...Array.from({ length: random.below(12) }, () => random.below(0x1_0000))))
}

/** Random bytes, and bytes that mean something in some encoding. */
export function foreignBytes(random: Random): Buffer {
  const length = random.pick([0, 1, 2, 5, 11, 64, 300])
  const bytes = Buffer.from(Array.from({ length }, () => random.below(256)))
  const start = random.pick(['', 'c301', '00', '0000000001', '1f8b', 'fffe', 'feff', 'efbbbf', '7b', '28b52ffd'])
  return Buffer.concat([Buffer.from(start, 'hex'), bytes])
}

export const foreignText = (random: Random): string => random.pick(texts)
