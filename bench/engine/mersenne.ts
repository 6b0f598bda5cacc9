/**
 * Mersenne Twister MT19937, seeded and read as CPython's `random.Random(seed).random()` does, so that a workload
 * published as a Python generator can be made again here, byte for byte.
 * Source: Matsumoto and Nishimura, "Mersenne Twister", ACM TOMACS 8 (1998), with their 2002 initialisation by array.
 */
export function pythonRandom(seed: number): () => number {
  const n = 624
  const state = new Uint32Array(n)
  let index = n

  const scramble = (previous: number): number => previous ^ (previous >>> 30)
  state[0] = 19_650_218
  for (let i = 1; i < n; i++) state[i] = Math.imul(1_812_433_253, scramble(state[i - 1]!)) + i
  let i = 1
  for (let k = 0; k < n; k++) {
    state[i] = (state[i]! ^ Math.imul(scramble(state[i - 1]!), 1_664_525)) + seed
    if (++i === n) {
      state[0] = state[n - 1]!
      i = 1
    }
  }
  for (let k = 1; k < n; k++) {
    state[i] = (state[i]! ^ Math.imul(scramble(state[i - 1]!), 1_566_083_941)) - i
    if (++i === n) {
      state[0] = state[n - 1]!
      i = 1
    }
  }
  state[0] = 0x80000000

  function refill(): void {
    for (let k = 0; k < n; k++) {
      const y = (state[k]! & 0x80000000) | (state[(k + 1) % n]! & 0x7fffffff)
      state[k] = state[(k + 397) % n]! ^ (y >>> 1) ^ (y & 1 ? 0x9908b0df : 0)
    }
    index = 0
  }

  function next(): number {
    if (index === n) refill()
    let y = state[index++]!
    y ^= y >>> 11
    y ^= (y << 7) & 0x9d2c5680
    y ^= (y << 15) & 0xefc60000
    return (y ^ (y >>> 18)) >>> 0
  }

  return () => {
    const high = next() >>> 5
    const low = next() >>> 6
    return (high * 67_108_864 + low) / 9_007_199_254_740_992
  }
}
