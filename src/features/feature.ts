import type { Value, Where } from './value.js'

/**
 * Features as data. A stream lists them by name; everything here is plain, serialisable JSON, so the fingerprint of a
 * vector is the hash of this data. `FEATURE_SEMANTICS` is raised only when the meaning of an existing kind changes.
 */
export const FEATURE_SEMANTICS = 1

/** '90s', '5m', '1h', '7d', '4w'. */
export type Duration = `${number}${'s' | 'm' | 'h' | 'd' | 'w'}`

/** Where, over what and how exactly a rolling feature remembers. */
export interface Rolling {
  /** Name of the entity whose history is read. */
  readonly by: string
  /** Milliseconds; the window is (t - window, t]. */
  readonly windowMs: number
  readonly where?: Where
  /** Excludes the event itself. */
  readonly prior?: true
  /**
   * `exact` keeps (time, value) pairs, at most `cap` of them (the oldest go first); `tile` counts whole tiles of
   * `tileMs`: a window of n tiles at time t covers tiles (floor(t/tileMs) - n, floor(t/tileMs)]. Either way an entity
   * forgets what is older than its newest event less window and lateness, so an event that is too late itself (or of a
   * tenant far behind another that shares the entity) reads only what of its window is still known.
   */
  readonly keep: { readonly exact: number } | { readonly tileMs: number }
}

/**
 * What a feature reads as where its entity is null, its history empty or its value absent. NaN is "missing" to a model.
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
   * Distinct values of a column in the window. `last-seen` keeps one time per value, the latest: values whose latest
   * sighting is after t - window (sightings after t count too). `pairs` keeps every (time, value) and is exact for late
   * events.
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
   * `windowMs` back. Who else touched the record since this device last looked. Without `since` there is nothing to
   * say; an event without the column has no own value, so all count.
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
   * Share of the window's events with a value in the column that carry this event's own; how usual the value is. Tiles
   * keep at most 4,096 counts of a value in a tile, the first of the oldest tile going first.
   */
  | ({ readonly kind: 'familiarity'; readonly column: string } & Rolling & Otherwise)

  /* Against the last event of the entity in log order, forgotten `horizonMs` after it (event time). */
  /** The value at the last event. */
  | ({ readonly kind: 'last'; readonly value: Value } & Last & Otherwise)
  /** Seconds since the last event, at least 0. */
  | ({ readonly kind: 'elapsed' } & Last & Otherwise)
  /** 1 where the column differs from the last event's, 0 where it does not; nothing to say where either is null. */
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
   * max(std, floor). Mean and deviation are those before the event. A pause of `horizonMs` forgets everything.
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
   * `otherwise` below `atLeast` values. `time` is the event time. State is 20 bytes for each slot of the horizon that
   * had values.
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
   * How unlike everything before the last values are: mean Euclidean distance of the delay vector (value, the one
   * before it, ... `lags` in all, log order) to its `nearest` among the delay vectors of the `cap` values before it
   * that share no value with it. Mean k-nearest-neighbour distance: Angiulli and Pizzuti (2002); over lagged windows,
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

  /* Of other features of the same vector, by name, declared before it. */
  | ({ readonly kind: 'ratio'; readonly over: string; readonly under: string } & Otherwise)
  | { readonly kind: 'difference'; readonly left: string; readonly right: string }

  /* Of what other features, declared before it, were at the entity's earlier events. */
  /**
   * -log10 of the probability of magnitudes as large as this event's. Of each feature, p = (1 + W(as large)) / (1 + W(all))
   * over the entity's earlier events, W halving every `halfLifeMs`: a conformal p-value (Vovk et al. 2005; Laxhammar
   * and Falkman 2014), so equally rare in every series whatever its unit and distribution. Several are combined by
   * Fisher's method: P = e^-s (1 + s + s^2/2! ...), s the sum of -ln p; missing ones take no part. Magnitudes within 5
   * % (buckets of log 1.05) count as equal, and of more than 64 buckets the lowest two become one. Forgotten
   * `horizonMs` after the newest event.
   */
  | ({ readonly kind: 'surprise'; readonly of: readonly string[]; readonly halfLifeMs: number } & Last & Otherwise)
  /**
   * The largest value that feature `of` had at the entity's earlier events in the window: what a repeated alarm must
   * beat.
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

export interface Entity {
  /**
   * One id column, or several that identify the entity together. An event with a null among them has no such entity.
   */
  readonly columns: readonly string[]
  /**
   * `tenant` (the default): ids mean something within their tenant; `partition`: counted per log partition, across
   * tenants.
   */
  readonly scope: 'tenant' | 'partition'
}

/** What the features compile from. */
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
   * Entity whose own newest event says what is late, instead of the tenant's: for sources that buffer and backfill each
   * at its own pace, and whose features are read by themselves. Its state then never expires.
   */
  readonly latenessBy?: string
}

/** A decoded event: column values by name; times are epoch ms. */
export type Event = Readonly<Record<string, unknown>>
