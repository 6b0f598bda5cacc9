import { age, type Camera, cameraOf, read, sharpnessAt } from './cameras.js'
import { type Dice } from '../ground/dice.js'
import {
  type Emit,
  hourMs,
  midnightMs,
  minuteMs,
  type Process,
  type Scheme,
  type Setting,
  weekdayOf,
} from '../ground/happening.js'
import type { Site } from '../ground/sites.js'

interface Gate {
  readonly id: string
  readonly site: Site
  readonly camera: Camera
}

interface Vehicle {
  readonly plate: string
  readonly gate: Gate
  readonly comesMin: number
  readonly staysMin: number
}

const letters = 'ABCDEFGHKLMNPRSTXYZ'.split('')
const plateOf = (dice: Dice): string =>
  `${dice.pick(letters)}${1_000 + dice.below(9_000)}${dice.pick(letters)}${dice.pick(letters)}${
    dice.chance(0.6) ? dice.pick(letters) : ''
  }`

/**
 * Vehicles at the gates of one tenant: regular ones every working day, visitors once, and a few with another car's
 * plate.
 */
export function gates(setting: Setting, sites: readonly Site[]): Process {
  const dice = setting.dice('gates')
  const all: readonly Gate[] = sites
    .filter((_, index) => index % 3 === 0)
    .map((site, index) => ({ id: `g${index}`, site, camera: cameraOf(`gc${index}`, dice) }))
  const vehicles = Array.from({ length: Math.ceil(setting.people / 9) }, (): Vehicle => ({
    plate: plateOf(dice),
    gate: dice.pick(all),
    comesMin: dice.pick([390, 450, 480, 540, 780, 1_290]),
    staysMin: dice.between(240, 620),
  }))
  // A clone has the plate of another car and passes gates that the car itself does not use.
  const clones = vehicles
    .filter(() => dice.chance(0.012))
    .map(({ plate }) => ({ plate, gate: dice.pick(all), share: dice.between(0.1, 0.5) }))

  function pass(gate: Gate, plate: string, atMs: number, emit: Emit, dice: Dice, scheme?: Scheme): void {
    const hour = ((atMs + setting.region.offsetMin * minuteMs) / hourMs) % 24
    // Headlights and rain disturb a gate's camera more than dusk disturbs a camera on a wall.
    const seen = read(
      plate,
      sharpnessAt(gate.camera, hour, setting.drift(atMs), dice) * (dice.chance(0.06) ? 0.8 : 1),
      dice,
    )
    emit(
      'meter-reading',
      atMs + dice.between(200, 2_500),
      {
        event_id: setting.nextId('v'),
        tenant_id: setting.tenant,
        kind: 'plate',
        meter_id: gate.id,
        site_id: gate.site.id,
        reader_id: null,
        camera_id: gate.camera.id,
        read_at: Math.floor(atMs),
        utc_offset_min: setting.region.offsetMin,
        text: seen.text,
        value: null,
        confidence: seen.confidence,
        min_confidence: seen.minConfidence,
        digits_expected: plate.length,
        sharpness: seen.sharpness,
        entered_by: 'camera',
      },
      scheme ?? (seen.text === plate ? undefined : 'plate-misread'),
    )
  }

  return {
    play(day, emit) {
      const dice = setting.dice('gates', day)
      const midnight = midnightMs(setting.region, day)
      const rest = setting.region.weekend.includes(weekdayOf(day))
      for (const { camera } of all) age(camera, dice)
      for (const vehicle of vehicles) {
        if (!dice.chance(rest ? 0.12 : 0.8)) continue
        const gate = dice.chance(0.06) ? dice.pick(all) : vehicle.gate
        const inMs = midnight + Math.max(10, vehicle.comesMin + dice.normal(0, 14)) * minuteMs
        pass(gate, vehicle.plate, inMs, emit, dice)
        if (dice.chance(0.93))
          pass(gate, vehicle.plate, inMs + vehicle.staysMin * dice.between(0.8, 1.25) * minuteMs, emit, dice)
      }
      for (let visitor = vehicles.length * (rest ? 0.03 : 0.12); visitor > 0; visitor--) {
        const [gate, plate, inMs] = [dice.pick(all), plateOf(dice), midnight + dice.between(7, 18) * hourMs]
        pass(gate, plate, inMs, emit, dice)
        pass(gate, plate, inMs + dice.exponential(70) * minuteMs + minuteMs, emit, dice)
      }
      for (const clone of clones)
        if (dice.chance(clone.share))
          pass(clone.gate, clone.plate, midnight + dice.between(6, 21) * hourMs, emit, dice, 'cloned-plate')
    },
  }
}
