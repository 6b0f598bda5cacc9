import { clamp, type Dice } from './dice.js'

export interface Phone {
  readonly id: string
  /** Typical position error outdoors, metres. */
  readonly errorM: number
  /** The phone always reports the same accuracy. */
  readonly claimsM: number | undefined
  /** Mean charge during the day. */
  readonly charge: number
}

export const phoneOf = (id: string, dice: Dice): Phone => ({
  id,
  errorM: dice.skewed(9, 0.55),
  claimsM: dice.chance(0.18) ? dice.pick([3.9, 4.7, 5, 10]) : undefined,
  charge: dice.between(0.4, 0.85),
})

/** Charge at an hour. Most phones are full in the morning and low in the evening; some are on a power bank. */
export const chargeAt = (phone: Phone, kind: 'in' | 'out', dice: Dice): number =>
  clamp(phone.charge + (kind === 'in' ? 0.12 : -0.18) + dice.normal(0, 0.14), 0.02, 1)
