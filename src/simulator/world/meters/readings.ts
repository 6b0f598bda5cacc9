import { age, type Camera, cameraOf, read, sharpnessAt } from './cameras.js'
import { clamp, type Dice, rounded } from '../ground/dice.js'
import {
  type Emit,
  hourMs,
  midnightMs,
  minuteMs,
  type Process,
  type Scheme,
  type Setting,
} from '../ground/happening.js'
import { buildMeters, type Meter, replace, tamperedAt, turn } from './meters.js'
import type { Site } from '../ground/sites.js'

/** A person who reads meters with a phone on a round; a few invent readings instead. */
interface Walker {
  readonly id: string
  readonly camera: Camera
  readonly lazyShare: number
}

/** The last values that the person wrote down, per meter. */
interface Notebook {
  value: number
  atMs: number
  perHour: number
}

const numberOf = (text: string): number | null => (/^\d+$/.test(text) ? Number(text) : null)

/** An invented value: the last one plus about the usual consumption, a round number, or the last one again. */
function fantasy(note: Notebook, atMs: number, dice: Dice): number {
  const usual = note.value + note.perHour * ((atMs - note.atMs) / hourMs)
  const style = dice.next()
  if (style < 0.2) return note.value
  if (style < 0.5) return Math.round((usual * dice.between(0.999, 1.002)) / 5) * 5
  return Math.round(note.value + (usual - note.value) * dice.between(0.3, 2))
}

/** Readings of one tenant's meters, by fixed cameras and by people with phones. */
export function readings(setting: Setting, sites: readonly Site[]): Process {
  const meters = buildMeters(setting, sites, midnightMs(setting.region, setting.firstDay))
  const walkersDice = setting.dice('walkers')
  const walkers = sites.map((_, index): Walker => ({
    id: `r${String(index).padStart(3, '0')}`,
    camera: cameraOf(`rp${index}`, walkersDice),
    lazyShare: walkersDice.chance(0.25) ? walkersDice.between(0.08, 0.4) : 0,
  }))
  const notebooks = new Map<Meter, Notebook>()

  function emitReading(
    meter: Meter,
    walker: Walker | undefined,
    atMs: number,
    day: number,
    emit: Emit,
    dice: Dice,
  ): void {
    const truth = Math.floor(meter.register)
    const camera = meter.camera ?? walker!.camera
    const hour = ((atMs + setting.region.offsetMin * minuteMs) / hourMs) % 24
    const note = notebooks.get(meter)
    const lazy = walker !== undefined && note !== undefined && dice.chance(walker.lazyShare)
    const seen = read(
      String(truth).padStart(meter.digits, '0'),
      sharpnessAt(camera, hour, setting.drift(atMs), dice),
      dice,
    )
    // Honest people, too, enter the value when the picture is unreadable.
    const typed = lazy || (walker !== undefined && (dice.chance(0.12) || seen.minConfidence < 0.55))
    const value = lazy
      ? clamp(fantasy(note, atMs, dice), 0, 10 ** meter.digits - 1)
      : typed
        ? truth
        : numberOf(seen.text)
    const scheme: Scheme | undefined = lazy
      ? 'fantasy-reading'
      : value !== truth
        ? 'misread'
        : tamperedAt(meter, day)
          ? 'tampering'
          : undefined
    if (walker !== undefined && value !== null) remember(meter, value, atMs)
    const arrivalMs =
      atMs + (walker === undefined ? dice.between(300, 4_000) : clamp(dice.exponential(12), 0.1, 300) * minuteMs)
    emit(
      'meter-reading',
      arrivalMs,
      {
        event_id: setting.nextId('m'),
        tenant_id: setting.tenant,
        kind: 'meter',
        meter_id: meter.id,
        site_id: meter.site.id,
        reader_id: walker?.id ?? null,
        camera_id: camera.id,
        read_at: Math.floor(atMs),
        utc_offset_min: setting.region.offsetMin,
        text: typed ? String(value).padStart(meter.digits, '0') : seen.text,
        value,
        confidence: typed ? rounded(clamp(dice.normal(0.97, 0.02), 0.8, 1), 3) : seen.confidence,
        min_confidence: typed ? null : seen.minConfidence,
        digits_expected: meter.digits,
        sharpness: typed && dice.chance(lazy ? 0.65 : 0.4) ? null : seen.sharpness,
        entered_by: typed ? 'manual' : 'camera',
      },
      scheme,
    )
  }

  function remember(meter: Meter, value: number, atMs: number): void {
    const note = notebooks.get(meter)
    const hours = note === undefined ? 0 : (atMs - note.atMs) / hourMs
    const perHour =
      note !== undefined && hours > 1 && value > note.value
        ? (value - note.value) / hours
        : (note?.perHour ?? meter.perDay / 24)
    notebooks.set(meter, { value, atMs, perHour })
  }

  return {
    play(day, emit) {
      const dice = setting.dice('readings', day)
      const midnight = midnightMs(setting.region, day)
      for (const { camera } of walkers) age(camera, dice)
      meters.forEach((meter, index) => {
        if (meter.camera !== undefined) age(meter.camera, dice)
        if (dice.chance(1 / 500)) replace(meter, dice)
        const walker = meter.camera === undefined ? walkers[sites.indexOf(meter.site)] : undefined
        const due = meter.everyHours <= 24 || (day + index) % (meter.everyHours / 24) === 0
        for (
          let hour = meter.everyHours > 24 ? 0 : (index * 7) % meter.everyHours;
          due && hour < 24;
          hour += Math.min(24, meter.everyHours)
        ) {
          // People walk their rounds in the morning; cameras have fixed times, and some pictures never arrive.
          const atMs =
            midnight +
            (walker === undefined
              ? hour * hourMs + dice.between(0, 90_000)
              : (7.5 + ((index * 13) % 40) / 10) * hourMs + dice.normal(0, 20) * minuteMs)
          turn(meter, atMs, day, setting, dice)
          if (!dice.chance(0.015)) emitReading(meter, walker, atMs, day, emit, dice)
        }
      })
    },
  }
}
