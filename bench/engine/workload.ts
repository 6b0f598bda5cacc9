import { workload as measured } from '../../src/cli/bench/benchmarks.js'
import { pythonRandom } from './mersenne.js'

/** The attendance workload that other engines were measured on: 300,000 events of 20,000 people over a week. */
export const workload = {
  ...measured,
  /** SHA-256 of the whole file, one event a line. */
  sha256: 'f8c49169d024c8fc30dc249f13792f4215759da4b4c0c4fd854a4982fb8cdd80',
  scoreSumTolerance: 0.01,
} as const

const people = 20_000
const sites = 200
const tenants = 20
const startMs = Date.UTC(2025, 0, 6)
const weekMs = 7 * 86_400_000
const methods: readonly (readonly [string, number])[] = [
  ['gps', 0.55],
  ['nfc', 0.8],
  ['face', 0.95],
  ['manual', 1],
]

const padded = (value: number, digits: number): string => String(value).padStart(digits, '0')

/** A number as Python prints it after rounding to `digits`: never without a decimal point. */
const rounded = (value: number, digits: number): string => {
  const text = String(Number(value.toFixed(digits)))
  return text.includes('.') ? text : `${text}.0`
}

/** The first `count` lines of the workload, in order, without line ends. */
export function* workloadLines(count: number = workload.events): Generator<string> {
  const random = pythonRandom(20_250_106)
  const below = (n: number): number => Math.floor(random() * n)
  const weights = new Float64Array(people)
  let total = 0
  for (let rank = 0; rank < people; rank++) weights[rank] = total += 1 / (rank + 20) ** 0.8
  const byRank = Uint32Array.from({ length: people }, (_, i) => i)
  for (let i = people - 1; i > 0; i--) {
    const j = below(i + 1)
    ;[byRank[i], byRank[j]] = [byRank[j]!, byRank[i]!]
  }
  const places = Array.from({ length: sites }, () => [-7 + random() * 2, 106 + random() * 4] as const)
  const homes = Uint32Array.from({ length: people }, () => below(sites))
  const inside = new Uint8Array(people)
  const step = weekMs / workload.events
  for (let i = 0; i < count; i++) {
    const person = byRank[rankAt(weights, random() * total)]!
    const site = random() < 0.85 ? homes[person]! : below(sites)
    const device = random() < 0.93 ? 0 : 1 + below(3)
    const ts = startMs + Math.floor(i * step) - Math.floor(random() * 30_000)
    if (random() < 0.97) inside[person] = inside[person]! ^ 1
    const [lat, lon] = places[site]!
    const method = random()
    const fields = [
      `"event_id":"e${padded(i, 7)}"`,
      `"tenant_id":"t${padded(person % tenants, 2)}"`,
      `"person_id":"p${padded(person, 5)}"`,
      `"site_id":"s${padded(site, 3)}"`,
      `"ts":${ts}`,
      `"kind":"${inside[person] === 1 ? 'in' : 'out'}"`,
      `"lat":${rounded(lat + (random() - 0.5) * 0.01, 6)}`,
      `"lon":${rounded(lon + (random() - 0.5) * 0.01, 6)}`,
      `"accuracy_m":${rounded(3 + random() * random() * 150, 1)}`,
      `"device_id":"d${padded(person, 5)}-${device}"`,
      `"method":"${methods.find(([, upTo]) => method <= upTo)![0]}"`,
      `"battery":${rounded(random(), 2)}`,
    ]
    yield `{${fields.join(',')}}`
  }
}

/** The first rank whose cumulative weight is not below `at`. */
function rankAt(cumulative: Float64Array, at: number): number {
  let low = 0
  let high = cumulative.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (cumulative[middle]! < at) low = middle + 1
    else high = middle
  }
  return low
}
