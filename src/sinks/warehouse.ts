/**
 * Stores predictions, outcomes and events for analysts. Rows are inserted in ClickHouse's Native format, which is
 * columns of bytes, so that neither side converts single rows.
 */
export interface Warehouse {
  /**
   * Inserts one batch (bytes in ClickHouse's Native format) and resolves when it is stored. May be called again with
   * the same bytes after any failure: the tables merge duplicate rows. Throws WAREHOUSE_DOWN; ROWS_REFUSED and
   * WAREHOUSE_REFUSED when ClickHouse does not take the rows.
   */
  insert(table: string, native: Buffer): Promise<void>
  /** Returns the rows of a SELECT. The SQL refers to `params` as `{name: Type}`. */
  query<Row>(sql: string, params?: Readonly<Record<string, unknown>>): Promise<Row[]>
  /** Runs a statement without rows: DDL, small inserts. */
  run(sql: string, params?: Readonly<Record<string, unknown>>): Promise<void>
  close(): Promise<void>
}

/** Answers as files. */
export interface WarehouseExport {
  /** The bytes of the answer to a SELECT that ends with FORMAT. Throws as `query`. */
  read(sql: string): Promise<Buffer>
}

/** What the adapters open. */
export type OpenWarehouse = Warehouse & WarehouseExport
