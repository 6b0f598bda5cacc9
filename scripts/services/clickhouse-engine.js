// The engine behind clickhouse-front.js: runs one request of ClickHouse's HTTP interface on chDB.
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Session } from 'chdb'

/**
 * A statement as the HTTP interface takes it.
 * @typedef {object} Statement
 * @property {string} sql
 * @property {Buffer} data What an INSERT ... FORMAT takes, outside of the statement; empty for none.
 * @property {string | undefined} database
 * @property {string} format Of the answer, where the statement names none.
 * @property {Readonly<Record<string, string>>} settings
 * @property {Readonly<Record<string, string>>} params As text in ClickHouse's escaping, by name.
 */

/** What an exception of ClickHouse says. */
export class Exception extends Error {
  /** @param {number} code @param {string} type @param {string} text Without code and type. */
  constructor(code, type, text) {
    super(`Code: ${code}. DB::Exception: ${text} (${type})`)
    this.code = code
    this.type = type
  }
}

const engineArguments = [
  '--background_pool_size=1',
  '--background_schedule_pool_size=2',
  '--max_server_memory_usage=2147483648',
  '--mark_cache_size=67108864',
]

/** @param {string} text */
const literal = (text) => `'${text.replace(/[\\']/g, '\\$&')}'`

/** Opens the engine of a directory; one process at a time may have it. @param {string} directory */
export function openEngine(directory) {
  const path = join(directory, 'engine')
  const incoming = join(directory, 'incoming')
  rmSync(incoming, { recursive: true, force: true })
  for (const one of [path, incoming]) mkdirSync(one, { recursive: true })
  // The first connection starts the engine and must outlive the others.
  const keeper = new Session(path, { connectionArgs: engineArguments })
  let files = 0

  /**
   * Settings stick to a connection and so does the database, so every request has one of its own (2 ms).
   * @param {Statement} statement
   * @returns {Promise<{ body: Uint8Array, rows: number, bytes: number, elapsedNs: number }>}
   */
  async function run({ sql, data, database, format, settings, params }) {
    const session = new Session(path)
    const file = join(incoming, `${++files}.data`)
    try {
      if (database !== undefined) await session.queryAsync(`USE \`${database.replace(/[\\`]/g, '\\$&')}\``)
      for (const [name, value] of Object.entries(settings))
        await session.queryAsync(`SET ${name} = ${/^-?\d+$/.test(value) ? value : literal(value)}`)
      for (const [name, value] of Object.entries(params))
        await session.queryAsync(`SET param_${name} = ${literal(value)}`)
      const result = await session.queryAsync(readable(sql, data, file), { format })
      return {
        body: result.bytes(),
        rows: result.rowsRead,
        bytes: result.bytesRead,
        elapsedNs: Math.round(result.elapsed * 1e9),
      }
    } catch (error) {
      throw asException(error)
    } finally {
      session.close()
      rmSync(file, { force: true })
    }
  }

  return { run, close: () => keeper.close() }
}

/**
 * The statement with its data where chDB reads them: a file, which may hold any format's bytes.
 * @param {string} sql @param {Buffer} data @param {string} file
 */
function readable(sql, data, file) {
  const insert = /^(\s*INSERT\s+INTO\s.*?)((?:\sSETTINGS\s.*?)?\sFORMAT\s+\w+)\s*;?\s*$/is.exec(sql)
  if (insert === null) return data.length === 0 ? sql : `${sql}\n${data.toString()}`
  writeFileSync(file, data)
  return `${insert[1]} FROM INFILE ${literal(file)}${insert[2]}`
}

/** @param {unknown} error */
function asException(error) {
  const [, code, text, type] =
    /^Code: (\d+)\. DB::Exception: (.*) \(([A-Z0-9_]+)\)/s.exec(
      String(error instanceof Error ? error.message : error),
    ) ?? []
  return code === undefined ? error : new Exception(Number(code), String(type), String(text))
}
