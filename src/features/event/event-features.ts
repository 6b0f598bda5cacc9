import type { Feature } from '../feature.js'
import type { Row, RowBuilder } from './row.js'

/** A slot of the row and the index of the vector that receives it. */
interface Copy {
  readonly slot: number
  readonly at: number
}

/** The features that need only the event. They are half of many vectors, so they are two loops without calls. */
export class EventFeatures {
  readonly #numbers: Copy[] = []
  readonly #flags: Copy[] = []

  constructor(readonly row: RowBuilder) {}

  add(feature: Extract<Feature, { readonly kind: 'value' | 'flag' }>, at: number): void {
    if (feature.kind === 'value') this.#numbers.push({ slot: this.row.number(feature.value), at })
    else this.#flags.push({ slot: this.row.match(feature.where), at })
  }

  write({ numbers, matches }: Row, vector: Float64Array): void {
    for (let i = 0; i < this.#numbers.length; i++) {
      const { slot, at } = this.#numbers[i]!
      const value = numbers[slot]!
      if (value === value) vector[at] = value
    }
    for (let i = 0; i < this.#flags.length; i++) {
      const { slot, at } = this.#flags[i]!
      vector[at] = matches[slot]!
    }
  }
}
