import { clamp, type Dice } from './dice.js'

export interface Phone {
  readonly id: string
  /** Typical position error in the open, metres. */
  readonly errorM: number
  /** Phones that always claim the same accuracy. */
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

/** Most phones leave home charged and are drained by the evening; some hang on a power bank. */
export const chargeAt = (phone: Phone, kind: 'in' | 'out', dice: Dice): number =>
  clamp(phone.charge + (kind === 'in' ? 0.12 : -0.18) + dice.normal(0, 0.14), 0.02, 1)
