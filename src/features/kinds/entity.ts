import { delayVectors, type DelayVectors } from './delay-vectors.js'
import { fading, type Fading } from './fading.js'
import type { Rolling } from '../feature.js'
import type { Where } from '../value.js'
import { lastRecord, type LastRecord } from './last-record.js'
import { lastSeen, type LastSeen } from './last-seen.js'
import { LayoutBuilder, NEWEST, type Layout, type Memory } from '../memory/memory.js'
import { pairList, type PairList, type PairSource } from './pair-list.js'
import type { Outputs, Part, Read, Reflection, Surroundings } from './part.js'
import { AS_OF, LEAST_AS_OF, TIME, type Row, type RowBuilder } from '../event/row.js'
import { seasons, type Seasons, type SeasonSource } from './seasons.js'
import { tileTable, type TileTable } from './tile-table.js'
import { valueTiles, type ValueTiles } from './value-tiles.js'
import type { Need } from './statistics.js'

/** Computes features from the results of the parts; runs after all parts. */
export type Finish = (row: Row, out: Outputs) => void

/** Keeps and reads the history of one entity. */
export interface EntityPlan {
  readonly layout: Layout
  /** Adds the event of the row to the history and writes the entity's features. */
  fold(memory: Memory, row: Row, out: Outputs): void
  /** Writes the features as of the row's time and changes nothing. */
  read(memory: Memory, row: Row, out: Outputs): void
  /** Features made of other features, in the order of their addition. Called when the earlier features are written. */
  readonly reflections: readonly Read[]
  /** Remembers the values of the features when all are written; undefined where no feature is made of others. */
  readonly reflect: ((memory: Memory, row: Row, out: Outputs) => void) | undefined
}

/** Collects what the features of one entity need. What several features need is kept once. */
export class EntityBuilder {
  readonly #parts = new Map<string, { build(): Part }>()
  readonly #finishers: Finish[] = []
  readonly #reflections: Reflection[] = []
  readonly #around: Surroundings
  readonly #builder = new LayoutBuilder()
  #layout: Layout | undefined

  /** `isForgotten`: nothing is read from before the clock of the entity's tenant less the lateness. See `reachOf`. */
  constructor(
    readonly row: RowBuilder,
    latenessMs: number,
    readonly isForgotten: boolean,
    results: (count: number) => number,
  ) {
    this.#around = { builder: this.#builder, layout: () => this.#layout!, results, latenessMs }
  }

  finish(finish: Finish): void {
    this.#finishers.push(finish)
  }

  /** First result slot of the statistics of a window over numbers (a slot, or 'time' for the events themselves). */
  window(
    feature: Rolling,
    number: number | 'time',
    needs: readonly Need[],
    match = this.row.match(feature.where),
  ): number {
    const prior = feature.prior === true
    if ('tileMs' in feature.keep)
      return this.tiles(feature.keep.tileMs).request({
        source: { number: number === 'time' ? -1 : number, match },
        windowMs: feature.windowMs,
        prior,
        needs,
      })
    const source: PairSource =
      number === 'time' ? { kind: 'time', slot: -1, match } : { kind: 'number', slot: number, match }
    return this.pairs(source).statistics({ windowMs: feature.windowMs, cap: feature.keep.exact, prior }, needs)
  }

  tiles(tileMs: number): TileTable {
    return this.#part(`tiles ${tileMs}`, () => tileTable(tileMs, this.#around))
  }

  pairs(source: PairSource): PairList {
    return this.#part(`pairs ${JSON.stringify(source)}`, () => pairList(source, this.#around))
  }

  seen(code: number, match: number, cap: number): LastSeen {
    return this.#part(`seen ${code} ${match} ${cap}`, () => lastSeen({ code, match, cap }, this.#around))
  }

  valueTiles(code: number, match: number, tileMs: number): ValueTiles {
    return this.#part(`value tiles ${code} ${match} ${tileMs}`, () => valueTiles({ code, match, tileMs }, this.#around))
  }

  record(where: Where | undefined): LastRecord {
    const match = this.row.match(where)
    return this.#part(`record ${match}`, () => lastRecord(match, this.#around))
  }

  delayVectors(number: number, match: number, cap: number, horizonMs: number): DelayVectors {
    return this.#part(`delay vectors ${number} ${match} ${cap} ${horizonMs}`, () =>
      delayVectors({ number, match, cap, horizonMs }, this.#around),
    )
  }

  /** Adds a feature made of other features and returns its index among these. */
  reflection(make: (around: Surroundings) => Reflection): number {
    return this.#reflections.push(make(this.#around)) - 1
  }

  fading(source: {
    readonly number: number
    readonly match: number
    readonly halfLifeMs: number
    readonly horizonMs: number
  }): Fading {
    return this.#part(`fading ${JSON.stringify(source)}`, () => fading(source, this.#around))
  }

  seasons(source: SeasonSource): Seasons {
    return this.#part(`seasons ${JSON.stringify(source)}`, () => seasons(source, this.#around))
  }

  /** One part per key. The key names the kind, so the cast restores the type that `make` returned for this key. */
  #part<P extends { build(): Part }>(key: string, make: () => P): P {
    const part = (this.#parts.get(key) as P | undefined) ?? make()
    this.#parts.set(key, part)
    return part
  }

  plan(): EntityPlan {
    const parts = [...this.#parts.values()].map((part) => part.build())
    const layout = (this.#layout = this.#builder.seal())
    const given = (read: Read | undefined): read is Read => read !== undefined
    const before = parts.map((part) => part.before).filter(given)
    const after = parts.map((part) => part.after).filter(given)
    const adds = parts.map((part) => part.add)
    const { latenessMs } = this.#around
    const finishers = this.#finishers
    const reflections = this.#reflections
    const isForgotten = this.isForgotten
    const setAsOf = (memory: Memory, { numbers }: Row): void => {
      const asOf = Math.max(numbers[TIME]!, memory.nums[NEWEST]! - latenessMs)
      numbers[AS_OF] = isForgotten ? Math.max(asOf, numbers[LEAST_AS_OF]!) : asOf
    }
    const finish: Read = (_, row, out) => {
      for (let i = 0; i < finishers.length; i++) finishers[i]!(row, out)
    }
    return {
      layout,
      fold: (memory, row, out) => {
        if (row.numbers[TIME]! > memory.nums[NEWEST]!) memory.nums[NEWEST] = row.numbers[TIME]!
        setAsOf(memory, row)
        for (let i = 0; i < before.length; i++) before[i]!(memory, row, out)
        for (let i = 0; i < adds.length; i++) adds[i]!(memory, row)
        for (let i = 0; i < after.length; i++) after[i]!(memory, row, out)
        finish(memory, row, out)
      },
      read: (memory, row, out) => {
        setAsOf(memory, row)
        for (const read of [...before, ...after, finish]) read(memory, row, out)
      },
      reflections: reflections.map(({ read }): Read => (memory, row, out) => {
        setAsOf(memory, row)
        read(memory, row, out)
      }),
      reflect:
        reflections.length === 0
          ? undefined
          : (memory, row, out) => {
              setAsOf(memory, row)
              for (let i = 0; i < reflections.length; i++) reflections[i]!.add(memory, row, out)
            },
    }
  }
}
