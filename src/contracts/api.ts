import type { Registry } from 'prom-client'
import type { BackupHolding } from './backups.js'
import type { ReadinessCheck } from './checks.js'
import type { DeadLetters } from './dead-letters.js'
import type { PartitionsPort } from './partitions.js'
import type { WarehouseQueries } from './predictions.js'
import type { RunResults } from './runs.js'
import type { ScoringPort } from './scoring.js'
import type { TenantsPort } from './tenants.js'

/**
 * What the HTTP API needs of the engine. The API checks keys, tenants and shapes; the code behind these ports knows
 * nothing of HTTP. A failed call throws an EngineError, and its code decides the HTTP status.
 */
export interface ApiPorts {
  readonly scoring: ScoringPort
  readonly deadLetters: DeadLetters
  readonly queries: WarehouseQueries
  readonly partitions: PartitionsPort
  readonly tenants: TenantsPort
  /** Results that backtests and replays store in the warehouse. */
  readonly runs: RunResults
  /** Absent where the stores are servers; those have backups of their own. */
  readonly backups?: BackupHolding | undefined
  /** Whether the engine can do its work now, part by part. Never rejects. */
  readiness(): Promise<readonly ReadinessCheck[]>
  readonly metrics: Registry
}
