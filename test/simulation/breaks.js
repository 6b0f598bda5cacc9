/**
 * Protections of the engine, each with an edit of the sources that takes it out. The edit is made in the bundle of the
 * simulation alone. A protection whose removal the simulation does not notice either protects nothing or is not tested.
 * Where about one seed in 20,000 notices, a test of its own proves the protection, and a large search may still be run
 * by hand.
 *
 * @typedef {{
 *   readonly why: string, readonly file: string, readonly find: string, readonly put: string,
 *   readonly provenBy?: string
 * }} Break
 * @type {Readonly<Record<string, Break>>}
 */
export const breaks = {
  fence: {
    why: 'a commit of an owner that was replaced is refused',
    file: 'test/simulation/memory-state-store.ts',
    find: 'assertOfClaim(at, stored, { epoch, claim })',
    put: 'if (stored === undefined) return',
  },
  previous: {
    why: 'a commit that does not follow the stored offset is refused',
    file: 'test/simulation/memory-state-store.ts',
    find: 'if (stored.last !== previous) throw',
    put: 'if (stored.last > last) throw',
  },
  'gate-epochs': {
    why: 'readers ignore blocks of owners that were replaced',
    file: 'src/log/blocks/gate.ts',
    find: 'if (block.epoch < epoch) return undefined',
    put: '',
  },
  'tail-epochs': {
    why: 'a claim does not count blocks of owners that were replaced before it',
    file: 'src/log/blocks/gate.ts',
    find: 'if (head.epoch < epoch) continue',
    put: '',
  },
  'tail-epoch': {
    why: 'an epoch that the predictions topic knows is never given again, though the store was emptied',
    file: 'src/consumers/ground/claim.ts',
    find: 'before.epoch, rebuilt(',
    put: '0, rebuilt(',
  },
  'tail-after-claim': {
    why: 'a claim looks for what is covered once more when the older owner can commit no more',
    file: 'src/consumers/ground/claim.ts',
    find: 'const behind = await readTail(log, results, rules.since)',
    put: 'const behind = before',
  },
  'log-fence': {
    why: 'an owner that the store has forgotten to refuse learns from the log that it was replaced',
    file: 'src/consumers/ground/log-fence.ts',
    find: 'if (offset <= since) return',
    put: 'return',
  },
  'load-fence': {
    why: 'an owner never mixes what it remembers with a store that was emptied, put back or taken over',
    file: 'src/state/state-store.ts',
    find: 'if (owner === undefined) return assertWhole(at, stored)',
    put: 'return',
  },
  'swept-where-it-was': {
    why: 'what has expired is dropped only from a store that stands where its owner was at that time',
    file: 'test/simulation/memory-state-store.ts',
    find: 'stored === undefined || !isOwned(stored, owner)',
    put: 'stored === undefined',
    provenBy: 'test/state/owners.contract.ts',
  },
  'append-before-commit': {
    why: 'state is committed only when every folded chunk is durable',
    file: 'src/consumers/scoring/progress.ts',
    find: 'return progress.inFlight === 0',
    put: 'return true',
  },
  'one-append': {
    why: 'one append is in flight per partition',
    file: 'src/consumers/scoring/partition.ts',
    find: 'pipe(concatMap((chunk) => publish(work, chunk)))',
    put: 'pipe(concatMap((chunk) => { void publish(work, chunk).catch(() => undefined); return [] }))',
  },
  'letters-first': {
    why: 'dead letters are durable before the block that covers them',
    file: 'src/consumers/scoring/partition.ts',
    find: 'if (chunk.dead.length > 0) await setAside()',
    put: 'if (chunk.dead.length > 0) void clock.sleep(300).then(setAside)',
  },
  'kept-letters': {
    why: 'a chunk keeps the bytes of its bad records when the reader goes on',
    file: 'src/consumers/scoring/folded-chunk.ts',
    find: 'dead: dead.map(kept)',
    put: 'dead',
  },
  'tenants-again': {
    why: 'events that are folded again have the tenants of their blocks',
    file: 'src/consumers/scoring/chunk-tenants.ts',
    find: 'stretchOf(work, first)?.control ?? routing.position',
    put: 'routing.position',
  },
  'tenants-of-block': {
    why: 'a chunk is decoded with the tenants at the position that its block names',
    file: 'src/consumers/scoring/chunk-tenants.ts',
    find: 'const whole = decodeAt(routing.position)',
    put: 'const whole = decodeAt(Infinity)',
  },
  'model-wait': {
    why: 'an owner that lacks the model that serves waits for it',
    file: 'src/consumers/control/routing.ts',
    find: "decision.kind === 'activate' ? await load(decision) : undefined",
    put: "decision.kind === 'activate' ? await servingOrRefused(options, decision).catch(() => undefined) : undefined",
  },
  'progress-last': {
    why: 'the warehouse notes its progress after what it speaks of is stored',
    file: 'src/consumers/warehouse/storing.ts',
    find: 'if (!(await loader.store(',
    put: 'if (onStored(), !(await loader.store(',
  },
  'week-ahead': {
    why: 'progress names the next table partition before rows go there, so that a repeat lands beside its original',
    file: 'src/consumers/warehouse/storing.ts',
    find: 'if (!(await options.ahead(mark))) return undefined',
    put: '',
  },
  'mark-readers': {
    why: 'an insert that ends after its partition is read anew does not say how far that is stored',
    file: 'src/consumers/warehouse/tracker.ts',
    find: 'if (readers.get(place) !== progress) return',
    put: '',
    provenBy: 'test/consumers/warehouse/tracker.unit.test.ts',
  },
  'insert-again': {
    why: 'an insert that failed is repeated whole',
    file: 'src/consumers/warehouse/loader.ts',
    find: 'await patientWarehouse.insert(table, native)',
    put: 'await warehouse.insert(table, native).catch(() => undefined)',
  },
  'passed-clock': {
    why: 'time is passed in: nothing that follows from the log depends on the time of day',
    file: 'src/consumers/ground/committer.ts',
    find: 'clock.nowMs() >= dueAtMs',
    put: 'Date.now() >= dueAtMs',
  },
  'mark-epoch': {
    why: 'a reader of blocks goes on with the epoch and the offset that it had seen',
    file: 'src/consumers/warehouse/feeds.ts',
    find: 'openGate(mark?.covered, mark?.epoch',
    put: 'openGate(undefined, 0',
  },
}
