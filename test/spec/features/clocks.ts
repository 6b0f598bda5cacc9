import fc from 'fast-check'
import type { Event } from '../../../src/features/feature.js'
import { latenessMs, minuteMs, startMs } from './histories.js'

/** A phone whose clock is ahead for some of its events. */
const wrong = fc.record({
  phone: fc.nat({ max: 5 }),
  from: fc.nat({ max: 40 }),
  events: fc.integer({ min: 1, max: 4 }),
  aheadMs: fc.oneof(
    fc.constantFrom(30 * 86_400_000, 365 * 86_400_000, 2 * 3_600_000),
    fc.integer({ min: 0, max: 4 * latenessMs }),
  ),
})

const step = fc.oneof(
  { weight: 10, arbitrary: fc.integer({ min: 0, max: 6 * minuteMs }) },
  { weight: 1, arbitrary: fc.constantFrom(latenessMs, latenessMs + 1, 62 * 3_600_000) },
)

const happening = fc.record({
  step,
  phone: fc.nat({ max: 5 }),
  tenant: fc.constantFrom('north', 'north', 'north', 'south'),
  /** Uploaded so much later. */
  heldMs: fc.oneof(
    { weight: 8, arbitrary: fc.constant(0) },
    { weight: 1, arbitrary: fc.integer({ min: 0, max: 4 * latenessMs }) },
  ),
  site: fc.constantFrom('s1', 's2'),
  colour: fc.constantFrom('red', 'green', null),
  urgent: fc.boolean(),
  value: fc.integer({ min: -9, max: 9 }),
})

/** Events of a few phones, in log order: some phones run ahead, some upload late, and there are weekends. */
export const phones = (maxLength = 60): fc.Arbitrary<readonly Event[]> =>
  fc
    .tuple(
      fc.array(happening, { minLength: 1, maxLength, size: 'max' }),
      fc.array(wrong, { maxLength: 5 }),
      fc.integer({ min: 1, max: 6 }),
    )
    .map(([happenings, wrongs, count]) => {
      let logMs = startMs
      const left = wrongs.map(({ events }) => events)
      return happenings.map(({ step, heldMs, phone, ...columns }, i): Event => {
        logMs += step
        const own = phone % count
        const ahead = wrongs.findIndex((one, k) => one.phone % count === own && i >= one.from && left[k]! > 0)
        if (ahead >= 0) left[ahead]!--
        const at = logMs - heldMs + (wrongs[ahead]?.aheadMs ?? 0)
        return {
          ...columns,
          id: `e${i}`,
          at,
          person: `p${own}`,
          device: own === 5 ? null : `d${own % 4}`,
          other: columns.value + 1,
          lat: own,
          lon: columns.value,
          offset: 0,
          since: at - 5 * minuteMs,
        }
      })
    })
