/**
 * Where predictions, outcomes and events are kept for analysts. Rows travel as ClickHouse's Native format: columns,
 * byte for byte, so that neither side touches a row.
 */
export interface Warehouse {
  /**
   * Inserts one batch (bytes of ClickHouse's Native format) and resolves when it is stored. May be called again with
   * the same bytes after any failure: the tables take the copies as one. Throws WAREHOUSE_DOWN.
   */
  insert(table: string, native: Buffer): Promise<void>
  /** Rows of a SELECT; `params` are bound by the engine as `{name: Type}`. */
  query<Row>(sql: string, params?: Readonly<Record<string, unknown>>): Promise<Row[]>
  /** A statement without rows: DDL, small inserts. */
  run(sql: string, params?: Readonly<Record<string, unknown>>): Promise<void>
  close(): Promise<void>
}
