import { Counter, Histogram, type Registry } from 'prom-client'
import { monotonicMs } from '../../base/clock.js'
import { isEngineError } from '../../base/errors.js'

/** The outside parts that the engine waits for. */
export type Dependency = 'log' | 'state' | 'warehouse'

/** Wraps a port. The wrapper measures the time of the named operations and counts their failures. */
export type Watch = <Port extends object>(
  dependency: Dependency,
  port: Port,
  operations: readonly (keyof Port & string)[],
) => Port

/** From a tenth of a millisecond (a read from memory) to the longest insert. */
const buckets = [0.000_1, 0.000_5, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 5, 10, 60]

/** Registers the measures of the log, the state store and the warehouse. */
export function watchDependencies(registry: Registry): Watch {
  const registers = [registry]
  const labelNames = ['dependency', 'operation'] as const
  const duration = new Histogram({
    name: 'tidemill_dependency_seconds',
    help: 'Time of one call to the log, the state store or the warehouse, failed ones included.',
    labelNames,
    buckets,
    registers,
  })
  const failures = new Counter({
    name: 'tidemill_dependency_failures_total',
    help: 'Calls that failed; most are repeated. A partition that another owner took over is no failure.',
    labelNames,
    registers,
  })

  return (dependency, port, operations) => {
    const watched = new Map(
      operations.map((operation) => [operation as PropertyKey, timed(dependency, port, operation)]),
    )
    // Methods of adapters with private fields need the adapter itself as `this`, so a copy of the object does not work.
    return new Proxy(port, {
      get(target, name) {
        const value = watched.get(name) ?? (Reflect.get(target, name, target) as unknown)
        return typeof value === 'function' && !watched.has(name) ? (value.bind(target) as unknown) : value
      },
    })
  }

  function timed<Port extends object>(dependency: Dependency, port: Port, operation: keyof Port & string) {
    const labels = { dependency, operation }
    const seconds = duration.labels(labels)
    const failed = failures.labels(labels)
    failed.inc(0)
    const call = port[operation] as (...args: unknown[]) => Promise<unknown>
    return async (...args: unknown[]): Promise<unknown> => {
      const startedMs = monotonicMs()
      try {
        return await call.apply(port, args)
      } catch (error) {
        if (!isEngineError(error) || error.disposition !== 'release') failed.inc()
        throw error
      } finally {
        seconds.observe((monotonicMs() - startedMs) / 1_000)
      }
    }
  }
}
