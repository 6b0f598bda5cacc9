import { clamp, type Dice, rounded } from '../ground/dice.js'

export interface Camera {
  readonly id: string
  /** Lens and mounting, 0..1. */
  readonly quality: number
  /** The camera has light at night. */
  readonly lit: boolean
  /** Dirt on the lens, 0..1; it grows every day and is cleaned sometimes. */
  dirt: number
  readonly dirtPerDay: number
}

export const cameraOf = (id: string, dice: Dice): Camera => {
  const bad = dice.chance(0.07)
  return {
    id,
    quality: bad ? dice.between(0.35, 0.6) : clamp(dice.normal(0.86, 0.07), 0.6, 0.98),
    lit: dice.chance(0.7),
    dirt: dice.between(0, 0.15),
    dirtPerDay: dice.skewed(bad ? 0.006 : 0.002, 0.6),
  }
}

export function age(camera: Camera, dice: Dice): void {
  camera.dirt = dice.chance(0.02) ? 0 : Math.min(0.5, camera.dirt + camera.dirtPerDay)
}

/** Sharpness of a picture at a local hour, 0..1, from optics, light and a shaking hand. */
export function sharpnessAt(camera: Camera, hour: number, drift: number, dice: Dice): number {
  const dark = hour < 6 || hour >= 18
  const light = dark ? (camera.lit ? 0.93 : 0.75) : 1
  const shake = dice.chance(0.03) ? dice.between(0.5, 0.9) : 1
  return clamp(camera.quality * (1 - camera.dirt - 0.12 * drift) * light * shake * dice.normal(1, 0.05), 0.05, 1)
}

/** The characters that each character is confused with, because their shapes are similar. */
const lookalikes: Readonly<Record<string, string>> = {
  0: '8O6',
  1: '7I',
  2: 'Z7',
  3: '85',
  4: '9',
  5: '6S',
  6: '85',
  7: '1',
  8: '36',
  9: '48',
  A: '4',
  B: '8',
  C: 'G',
  D: '0',
  E: 'F',
  F: 'E',
  G: '6',
  H: 'N',
  K: 'X',
  L: '1',
  M: 'N',
  N: 'M',
  P: 'F',
  R: 'K',
  S: '5',
  T: '7',
  X: 'K',
  Y: 'V',
  Z: '2',
}

export interface Reading {
  readonly text: string
  readonly confidence: number
  readonly minConfidence: number
  readonly sharpness: number
}

/**
 * The OCR's reading of a display. The confidence of a wrong character is often high: when dirt closes a 3, the network
 * sees a clean 8. Confidence decreases with sharpness for right and wrong characters alike.
 */
export function read(display: string, sharpness: number, dice: Dice): Reading {
  const blur = 1 - sharpness
  const slip = 0.0006 + 0.11 * blur ** 3
  let text = ''
  let sum = 0
  let least = 1
  for (const character of display) {
    let seen = character
    let confidence = 1 - Math.abs(dice.normal(0, 0.02 + 0.22 * blur * blur))
    if (dice.chance(slip)) {
      const kind = dice.next()
      seen =
        kind < 0.84 ? dice.pick((lookalikes[character] ?? '8').split('')) : kind < 0.93 ? '' : character + character
      confidence -= Math.abs(dice.normal(0, 0.16))
    }
    // Smudges and reflections lower the confidence of right characters.
    if (dice.chance(0.006 + 0.1 * blur)) confidence -= Math.abs(dice.normal(0.05, 0.15))
    confidence = clamp(confidence, 0.2, 0.999)
    sum += confidence
    least = Math.min(least, confidence)
    text += seen
  }
  return {
    text,
    confidence: rounded(sum / display.length, 3),
    minConfidence: rounded(least, 3),
    sharpness: rounded(sharpness, 3),
  }
}
