import type { Value, Where } from './value.js'

/**
 * Features as data. A stream lists them by name. They are plain JSON, so the fingerprint of a vector is the hash of
 * this data. `FEATURE_SEMANTICS` is raised only when the meaning of an existing kind changes.
 */
export const FEATURE_SEMANTICS = 1

/** '90s', '5m', '1h', '7d', '4w'. */
export type Duration = `${number}${'s' | 'm' | 'h' | 'd' | 'w'}`

/** The entity, the window and the precision of a rolling feature. */
export interface Rolling {
  /** Name of the entity whose history is read. */
  readonly by: string
  /** Milliseconds; the window is (t - window, t]. */
  readonly windowMs: number
  readonly where?: Where
  /** Excludes the event itself. */
  readonly prior?: true
  /**
   * `exact` keeps at most this many (time, value) pairs and drops the oldest first. `tileMs` counts whole tiles: a
   * window of n tiles at time t covers tiles (floor(t/tileMs) - n, floor(t/tileMs)]. In both cases an entity forgets
   * what is older than its newest event less window and lateness. So an event that is later than that (or that belongs
   * to a tenant far behind another tenant of the same entity) reads only the part of its window that is still kept.
   */
  readonly keep: { readonly exact: number } | { readonly tileMs: number }
}

/**
 * The feature's value where its entity is null, its history empty or its value absent. NaN is "missing" to a model.
 */
interface Otherwise {
  readonly otherwise: number
}

export type Feature =
  | ({ readonly kind: 'value'; readonly value: Value } & Otherwise)
  /** 1 where the event matches, else 0. */
  | { readonly kind: 'flag'; readonly where: Where }
  /** Events in the window. */
  | ({ readonly kind: 'count' } & Rolling)
  | ({ readonly kind: 'sum' | 'mean' | 'std' | 'min' | 'max'; readonly value: Value } & Rolling & Otherwise)
  /** Matching events over all events of the window (`where` filters the latter, `match` the former). */
  | ({ readonly kind: 'share'; readonly match: Where } & Rolling & Otherwise)
  /**
   * (value - mean) / std of the window, in population deviations of at least `floor`; `otherwise` below `atLeast`
   * values.
   */
  | ({ readonly kind: 'zscore'; readonly value: Value; readonly floor: number; readonly atLeast: number } & Rolling &
      Otherwise)
  /** (value - median) / (1.4826 x MAD) over an exact window, deviation of at least `floor`. */
  | ({
      readonly kind: 'robust-zscore'
      readonly value: Value
      readonly floor: number
      readonly atLeast: number
    } & Rolling &
      Otherwise)
  /**
   * Against the least-squares line through the (time, value) pairs of an exact window, extended to the event's time:
   * `residual` is value - line, `deviation` the residual over the line's own root mean square residual (at least
   * `floor`), `slope` the rise of the line per `unitMs`. `otherwise` below `atLeast` pairs or where all share one time.
   */
  | ({
      readonly kind: 'trend'
      readonly value: Value
      readonly as: 'residual' | 'deviation' | 'slope'
      readonly unitMs: number
      readonly floor: number
      readonly atLeast: number
    } & Rolling &
      Otherwise)
  /** Quantile `q` of an exact window, linear interpolation between order statistics (type 7). */
  | ({ readonly kind: 'quantile'; readonly value: Value; readonly q: number } & Rolling & Otherwise)
  /**
   * Distinct values of a column in the window. `lastSeen` keeps only the latest time of each value and counts values
   * whose latest time is after t - window (times after t count too). `exact` keeps every (time, value) pair and is
   * exact for late events.
   */
  | {
      readonly kind: 'distinct'
      readonly column: string
      readonly by: string
      readonly windowMs: number
      readonly where?: Where
      readonly prior?: true
      readonly keep: { readonly lastSeen: number } | { readonly exact: number }
    }
  /**
   * Distinct values of `column`, other than this event's own, among the entity's events in (column `since`, t]; at most
   * `windowMs` back. Example: how many others changed a record since this device last read it. `otherwise` where
   * `since` is null. Where `column` is null, the event has no own value, so all values count.
   */
  | ({
      readonly kind: 'others-since'
      readonly column: string
      readonly since: string
      readonly by: string
      readonly windowMs: number
      readonly where?: Where
      readonly keep: { readonly exact: number }
    } & Otherwise)
  /**
   * Of the window's events with a value in the column, the share that has this event's own value: how usual the value
   * is. Tiles keep at most 4,096 rows (a value in a tile, and its count) and drop the first row of the oldest tile
   * first.
   */
  | ({ readonly kind: 'familiarity'; readonly column: string } & Rolling & Otherwise)

  /* Compared with the last event of the entity in log order, which is forgotten after `horizonMs` (event time). */
  /** The value at the last event. */
  | ({ readonly kind: 'last'; readonly value: Value } & Last & Otherwise)
  /** Seconds since the last event, at least 0. */
  | ({ readonly kind: 'elapsed' } & Last & Otherwise)
  /** 1 where the column differs from the last event's, 0 where it does not; `otherwise` where either is null. */
  | ({ readonly kind: 'changed'; readonly column: string } & Last & Otherwise)
  /** value - value at the last event. */
  | ({ readonly kind: 'delta'; readonly value: Value } & Last & Otherwise)
  /** delta per second elapsed (at least 1 s). */
  | ({ readonly kind: 'rate'; readonly value: Value; readonly unitMs: number } & Last & Otherwise)
  /** Great-circle kilometres from the last event, sphere of radius 6371.0088 km. */
  | ({ readonly kind: 'distance-km'; readonly lat: string; readonly lon: string } & Last & Otherwise)
  /** The same over the hours elapsed (at least 1 s). */
  | ({ readonly kind: 'speed-kmh'; readonly lat: string; readonly lon: string } & Last & Otherwise)
  /**
   * Exponentially weighted mean in event time with the given half-life; `as: 'deviation'` gives (value - mean) /
   * max(std, floor). Mean and deviation are those before the event. After a pause of `horizonMs` the history is empty.
   */
  | ({
      readonly kind: 'ewma'
      readonly value: Value
      readonly halfLifeMs: number
      readonly as: 'mean' | 'deviation'
      readonly floor: number
      readonly by: string
      readonly where?: Where
      readonly horizonMs: number
    } & Otherwise)
  /**
   * (value - mean) / std over the entity's earlier events in the same slot of the period, `slots` slots a `day` or
   * `week` (UTC, or local with `offset`), within `horizonMs` rounded up to whole slots; std of at least `floor`;
   * `otherwise` below `atLeast` values. `time` is the event time. State takes 20 bytes for each slot of the horizon
   * that has values.
   */
  | ({
      readonly kind: 'seasonal'
      readonly value: Value
      readonly time: string
      readonly offset?: string
      readonly period: 'day' | 'week'
      readonly slots: number
      readonly as: 'mean' | 'deviation'
      readonly floor: number
      readonly atLeast: number
      readonly by: string
      readonly where?: Where
      readonly horizonMs: number
    } & Otherwise)
  /**
   * How unusual the last values are: the mean Euclidean distance of the delay vector (the value, the one before it, ...
   * `lags` in all, log order) to its `nearest` neighbours among the delay vectors of the `cap` values before it that
   * share no value with it. Mean k-nearest-neighbour distance: Angiulli and Pizzuti (2002); over lagged windows,
   * KNN-CAD: Burnaev and Ishimtsev (2016). `otherwise` below `nearest` such vectors.
   */
  | ({
      readonly kind: 'neighbour-distance'
      readonly value: Value
      readonly lags: number
      readonly nearest: number
      readonly cap: number
    } & Last &
      Otherwise)

  /* Computed from other features of the same vector, by name; they are declared before it. */
  | ({ readonly kind: 'ratio'; readonly over: string; readonly under: string } & Otherwise)
  | { readonly kind: 'difference'; readonly left: string; readonly right: string }

  /* Computed from the values that other features, declared before it, had at the entity's earlier events. */
  /**
   * -log10 of the probability of magnitudes as large as this event's. For each feature, p = (1 + W(as large)) / (1 +
   * W(all)) over the entity's earlier events, where a weight W halves every `halfLifeMs`: a conformal p-value (Vovk et
   * al. 2005; Laxhammar and Falkman 2014). So a value of p is equally rare in every series, whatever its unit and
   * distribution. Several features are combined by Fisher's method: P = e^-s (1 + s + s^2/2! ...), where s is the sum
   * of -ln p; missing features are left out. Magnitudes within 5 % (buckets of log 1.05) count as equal. Of more than
   * 64 buckets (128 with `tail`) the lowest two are merged. The history is forgotten `horizonMs` after its newest.
   * With `tail`, p continues beyond the largest. Of the fewest largest buckets with k = W(tail) >= 10 and >= 2 % of
   * W(all) >= 2k, p = (1 + k) / (1 + W(all)) (1 + x / E)^-k: x is the excess over their lower end, E the weighted sum
   * of the earlier excesses. Exact for exponential excesses, as those of a surprise (compare Siffer et al. 2017).
   */
  | ({ readonly kind: 'surprise'; readonly of: readonly string[]; readonly tail?: true } & Fading & Otherwise)
  /**
   * The largest value that feature `of` had at the entity's earlier events in the window. A repeated alarm must exceed
   * it.
   */
  | ({
      readonly kind: 'peak'
      readonly of: string
      readonly windowMs: number
      readonly keep: { readonly tileMs: number }
      readonly by: string
      readonly where?: Where
    } & Otherwise)

export interface Last {
  readonly by: string
  readonly where?: Where
  readonly horizonMs: number
}

interface Fading extends Last {
  readonly halfLifeMs: number
}

export interface Entity {
  /**
   * One id column, or several columns that together identify the entity. If one of them is null, the event has no such
   * entity.
   */
  readonly columns: readonly string[]
  /**
   * `tenant` (the default): an id is unique within its tenant only. `partition`: the tenants of a log partition share
   * the entity.
   */
  readonly scope: 'tenant' | 'partition'
}

/** All that `compile` needs. */
export interface FeatureSet {
  readonly stream: string
  readonly tenant: string
  readonly time: string
  readonly id: string
  /** The partition key's column. */
  readonly key: string
  readonly entities: Readonly<Record<string, Entity>>
  /** In the order of the vector. */
  readonly features: readonly { readonly name: string; readonly feature: Feature }[]
  readonly latenessMs: number
  /**
   * The entity whose newest event decides what is late, instead of the tenant's time mark. For sources that buffer and
   * backfill at their own pace, and whose features depend on that source only. Its state then never expires.
   */
  readonly latenessBy?: string
  /** The entity whose clock gives the event times; the first one by default. See `time-mark.ts`. */
  readonly clock?: string
}

/** A decoded event: column values by name; times are epoch ms. */
export type Event = Readonly<Record<string, unknown>>
