// Protections of the engine, and how to take each of them out of the built program: for tests that prove what they
// protect.

/**
 * @typedef {object} Edit
 * @property {string} module Below dist/.
 * @property {RegExp} find Must be there exactly once.
 * @property {string} replace
 */

/**
 * @typedef {object} Break
 * @property {string} what Is missing then.
 * @property {readonly Edit[]} edits
 */

/** An engine whose protections are missing is started with this in its environment. */
export const breakVariable = 'FAULTS_BREAK'

const acknowledgeEarly = `let early = this.next;
for (const { resolve, records } of batch) { resolve(early); early += records.length; }
await new Promise((written) => setTimeout(written, 100));
const first = await this.#flush(batch, roll);`

const admitEverything = `admit(block) {
epoch = Math.max(epoch, block.epoch);
covered = Math.max(covered ?? block.last, block.last);
return block.rows === 0 ? undefined : block;`

const emptied =
  "if epoch == nil then epoch, last, since, commit, whole, claim, identity = ARGV[1], ARGV[2], ARGV[1], '-', " +
  "'-1', ARGV[5], '-' end"

const groupOffset =
  'const group = (await groups.lag(`tidemill-warehouse-${table}`))' +
  `.find((one) => one.topic === at.topic && one.partition === at.partition);
return { next: group?.committed ?? (await log.bounds(at)).first, mark: undefined, since: undefined };
const mark = undefined;`

/** @type {Edit} */
const behindResults = {
  module: 'consumers/ground/claim.js',
  find: /from: Math\.max\(claim\.last \+ 1, bounds\.first\)/,
  replace: 'from: Math.max(tail.covered + 1, bounds.first)',
}

export const breaks = /** @satisfies {Readonly<Record<string, Break>>} */ ({
  fence: {
    what: 'the state store takes commits of owners that were replaced',
    edits: [
      { module: 'state/redis/scripts.js', find: /if epoch ~= ARGV\[1\] or .* then return .*/, replace: '' },
      { module: 'state/redis/scripts.js', find: /if last ~= ARGV\[2\] then return .*/, replace: '' },
    ],
  },
  gate: {
    what: 'readers of blocks take every block, whoever wrote it and whatever came before',
    edits: [{ module: 'log/blocks/gate.js', find: /admit\(block\) \{/, replace: admitEverything }],
  },
  'durable-before-ack': {
    what: 'the log of the embedded preset acknowledges an append 100 ms before it writes',
    edits: [
      {
        module: 'log/local/partition.js',
        find: /const first = await this\.#flush\(batch, roll\);/,
        replace: acknowledgeEarly,
      },
    ],
  },
  checksum: {
    what: 'the log of the embedded preset does not check the records that it reads',
    edits: [{ module: 'log/local/frame.js', find: /=== header\.bodyCrc/, replace: '=== header.bodyCrc || true' }],
  },
  refold: {
    what: 'an owner goes on behind the last result, and does not fold what came after the last commit',
    edits: [behindResults],
  },
  handover: {
    what:
      'an owner commits nothing when it gives a partition up, and the next one does not fold what came after ' +
      'the last commit',
    edits: [
      behindResults,
      { module: 'consumers/scoring/partition.js', find: /await committer\.commit\(progress\.folded\);/, replace: '' },
    ],
  },
  owner: {
    what: 'a state store that was emptied or put back is not noticed',
    edits: [
      {
        module: 'state/redis/state-store.js',
        find: /assertReadable\(at, found, owner\);/,
        replace: 'if (found === undefined) return keys.map(() => undefined);',
      },
      { module: 'state/redis/scripts.js', find: /if epoch ~= ARGV\[1\] or .* then return .*/, replace: emptied },
      { module: 'state/redis/scripts.js', find: /if last ~= ARGV\[2\] then return .*/, replace: '' },
    ],
  },
  patience: {
    what: 'a call to a server that is away is not repeated',
    edits: [
      { module: 'consumers/ground/retry.js', find: /if \(!isEngineError\(error\) \|\|/, replace: 'if (true ||' },
      {
        module: 'log/kafka/persistence.js',
        find: /if \(!slow && \(outages === 'count' \|\| !isOutage\(error\)\)\)/,
        replace: 'failures = limits.brokerTries;\nif (false)',
      },
    ],
  },
  'bad-share': {
    what: 'a partition never stops, however many of its records are bad',
    edits: [
      {
        module: 'consumers/scoring/partition-gate.js',
        find: /if \(counted\.exceeded && stopsAt\(last\)\)/,
        replace: 'if (false)',
      },
      {
        module: 'consumers/scoring/partition-gate.js',
        find: /stopped = tooManyBad\(at, rule, record\.offset, letter\);\s*return i \+ 1;/,
        replace: '',
      },
    ],
  },
  progress: {
    what: 'the warehouse commits what it has read before it is stored, and goes on from its group offset',
    edits: [
      {
        module: 'consumers/warehouse/start.js',
        find: /async function startOf\(table, \{ topic, partition \}, \{ log,/,
        replace: 'async function startOf(table, { topic, partition }, { log, groups,',
      },
      {
        module: 'consumers/warehouse/start.js',
        find: /const mark = await readMark\(warehouse, table, at\);/,
        replace: groupOffset,
      },
      {
        module: 'consumers/warehouse/partition.js',
        find: /if \(!\(await storing\.store\(records\)\)\)/,
        replace: 'await assignment.commit(records.at(-1).offset + 1);\nif (!(await storing.store(records)))',
      },
    ],
  },
})

/** @typedef {keyof typeof breaks} BreakName */

/** @param {string} name @returns {name is BreakName} */
export const isBreak = (name) => Object.hasOwn(breaks, name)

/**
 * The text of a module without the protection. Throws where the place is not there exactly once: what was meant to be
 * taken out might then still be in.
 * @param {BreakName} name @param {string} module @param {string} text
 */
export function broken(name, module, text) {
  let out = text
  for (const { find, replace } of breaks[name].edits.filter((edit) => edit.module === module)) {
    const found = out.match(new RegExp(find, 'g'))?.length ?? 0
    if (found !== 1)
      throw new Error(`--break=${name}: ${String(find)} is in dist/${module} ${found} times instead of once`)
    out = out.replace(find, () => replace)
  }
  return out
}

/** @param {BreakName} name */
export const modulesOf = (name) => [...new Set(breaks[name].edits.map(({ module }) => module))]
