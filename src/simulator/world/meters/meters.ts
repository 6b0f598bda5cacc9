import { type Camera, cameraOf } from './cameras.js'
import { type Dice } from '../ground/dice.js'
import { hourMs, minuteMs, type Setting, weekdayOf } from '../ground/happening.js'
import type { Site } from '../ground/sites.js'

/** A meter, whose register counts consumption. */
export interface Meter {
  readonly id: string
  readonly site: Site
  readonly digits: number
  /** Units per ordinary day. */
  readonly perDay: number
  /** Share of the ordinary consumption on days without work. */
  readonly restShare: number
  readonly spread: number
  /** Local hour of the highest consumption, and the height of this peak. */
  readonly peakHour: number
  readonly peak: number
  /** The fixed camera; undefined when a person reads the meter. */
  readonly camera: Camera | undefined
  readonly everyHours: number
  readonly tamper: Tampering | undefined
  register: number
  atMs: number
}

/** Between these days the register runs at a share of its speed. */
export interface Tampering {
  readonly fromDay: number
  readonly untilDay: number
  readonly share: number
  /** The register is slowed only at night and on days without work, when nobody is there. */
  readonly atNight: boolean
}

export const tamperedAt = (meter: Meter, day: number): boolean =>
  meter.tamper !== undefined && day >= meter.tamper.fromDay && day < meter.tamper.untilDay

function tamperingOf(setting: Setting, dice: Dice): Tampering | undefined {
  if (!dice.chance(0.05)) return undefined
  const fromDay = setting.firstDay + 8 + dice.below(90)
  return { fromDay, untilDay: fromDay + 6 + dice.below(16), share: dice.between(0.15, 0.6), atNight: dice.chance(0.3) }
}

export function buildMeters(setting: Setting, sites: readonly Site[], startMs: number): readonly Meter[] {
  const dice = setting.dice('meters')
  return sites.flatMap((site, s) =>
    Array.from({ length: 5 + dice.below(6) }, (_, m): Meter => {
      const digits = dice.pick([5, 6, 6, 7, 8])
      const fixed = dice.chance(0.7)
      return {
        id: `m${s}-${m}`,
        site,
        digits,
        perDay: Math.max(2, dice.skewed(0.00035 * 10 ** digits, 0.7)),
        restShare: dice.between(0.25, 1),
        spread: dice.between(0.05, 0.3),
        peakHour: dice.pick([9, 11, 14, 19]),
        peak: dice.between(0, 0.9),
        camera: fixed ? cameraOf(`c${s}-${m}`, dice) : undefined,
        everyHours: fixed ? dice.pick([6, 8, 12, 24, 24]) : dice.pick([24, 24, 48]),
        tamper: tamperingOf(setting, dice),
        register: dice.next() * 0.9 * 10 ** digits,
        atMs: startMs,
      }
    }),
  )
}

/** Advances the register to a time, hour by hour along the curve of the day; lower on days without work. */
export function turn(meter: Meter, untilMs: number, day: number, setting: Setting, dice: Dice): void {
  const rest = setting.region.weekend.includes(weekdayOf(day))
  const tampered = tamperedAt(meter, day)
  const growth = 1 + 0.4 * setting.drift(untilMs)
  while (meter.atMs < untilMs) {
    const stepMs = Math.min(hourMs, untilMs - meter.atMs)
    const hour = ((meter.atMs + setting.region.offsetMin * minuteMs) / hourMs) % 24
    const curve = 1 + meter.peak * Math.cos(((hour - meter.peakHour) / 12) * Math.PI)
    const night = hour < 6 || hour >= 20 || rest
    const held = tampered && (!meter.tamper!.atNight || night) ? meter.tamper!.share : 1
    const used =
      meter.perDay *
      (stepMs / (24 * hourMs)) *
      curve *
      (rest ? meter.restShare : 1) *
      growth *
      held *
      dice.skewed(1, meter.spread)
    meter.register = (meter.register + used) % 10 ** meter.digits
    meter.atMs += stepMs
  }
}

/** Replaces the meter; the new one starts near zero. */
export function replace(meter: Meter, dice: Dice): void {
  meter.register = dice.between(0, 30)
}
