// 2 to the power of x in two pieces of ln 2, and the polynomial of Remez for e^x on [0, 0.34658].
const ln2 = 6.93147180559945286227e-1
const ln2High = 6.93147182464599609375e-1
const ln2Low = -1.90465429995776804525e-9
const p1 = 1.66666666666666019037e-1
const p2 = -2.77777777770155933842e-3
const p3 = 6.61375632143793436117e-5
const p4 = -1.6533902205465251539e-6
const p5 = 4.13813679705723846039e-8

const parts = new Float64Array(1)
const words = new Uint32Array(parts.buffer)
const lowWord = new Uint8Array(Uint32Array.of(1).buffer)[0] === 1 ? 0 : 1

/** The number without the lower half of its bits. */
function upperHalf(x: number): number {
  parts[0] = x
  words[lowWord] = 0
  return parts[0]
}

/** 2^n of an integer, exact: a product of two that are normal numbers. */
function scaled(x: number, n: number): number {
  while (n > 1_000) {
    x *= 2 ** 1_000
    n -= 1_000
  }
  while (n < -1_000) {
    x *= 2 ** -1_000
    n += 1_000
  }
  parts[0] = 0
  words[1 - lowWord] = (1_023 + n) << 20
  return x * parts[0]
}

/**
 * 2 ** x with the same bits on every version of Node. State and vectors hold such numbers, and a replay must give the
 * same ones. On Node 24, one result of `2 ** x` in ten differs in its last bit from Node 20 and 22; this function gives
 * what `2 ** x` gives on those, but for x = 0.5. Source: fdlibm, e_pow.c (Sun Microsystems, 1993), for the base 2,
 * with one bracket as V8 had it until Node 22 (`r`); the error stays below one unit in the last place.
 */
export function exp2(x: number): number {
  if (x !== x) return x
  if (x >= 1_024) return Infinity
  if (x < -1_075) return 0
  const n = Math.abs(x) >= 0.5 + 2 ** -21 ? Math.sign(x) * Math.floor(Math.abs(x) + 0.5) : 0
  const upper = upperHalf(x)
  const lower = x - upper
  const high = upper - n
  const t = upperHalf(lower + high)
  const u = t * ln2High
  const v = (lower - (t - high)) * ln2 + t * ln2Low
  const z = u + v
  const w = v - (z - u)
  const square = z * z
  const c = z - square * (p1 + square * (p2 + square * (p3 + square * (p4 + square * p5))))
  const r = (z * c) / (c - 2 - (w + z * w))
  return scaled(1 - (r - z), n)
}
