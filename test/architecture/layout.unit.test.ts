import { strict as assert } from 'node:assert'
import { describe, test } from 'vitest'
import { demand, type Kept } from './demand.js'
import * as layout from './layout.js'
import { files } from './source.js'

const kept: Readonly<Record<string, Kept>> = {
  'imports point one way': {
    rule: layout.importsPointOneWay,
    bad: [
      ['src/log/a.ts', `import { x } from '../features/plan/plan.js'`],
      ['src/features/a.ts', `import type { Stream } from '../streams/stream.js'`],
      ['src/streams/a.ts', `export { x } from '../consumers/ground/x.js'`],
      ['src/api/routes/a.ts', `import { x } from '../../consumers/ground/x.js'`],
      ['src/simulator/a.ts', `import { compile } from '../features/plan/plan.js'`],
      ['src/consumers/ground/a.ts', `const main = await import('../../compose/engine.js')`],
      ['src/compose/a.ts', `import { run } from '../cli/program.js'`],
      ['src/base/limits.ts', `import { x } from '../log/event-log.js'`],
      ['src/base/limits.ts', `import { x } from '../contracts/engine.js'`],
      ['src/contracts/a.ts', `import { x } from '../log/event-log.js'`],
      ['src/odds/a.ts', ``],
      ['src/letters.ts', ``],
    ],
    good: [
      ['src/log/a.ts', `import { EngineError } from '../base/errors.js'\nimport { b } from './b.js'\nimport 'node:fs'`],
      ['src/log/a.ts', `import type { Risk } from '../contracts/predictions.js'`],
      ['src/consumers/replay/a.ts', `import { x } from '../../learning/figures/x.js'`],
      ['src/cli/start/a.ts', `import { startEngine } from '../../compose/engine.js'`],
      ['src/compose/engine.ts', `import { x } from '../consumers/ground/x.js'`],
      ['src/main.ts', `import { run } from './cli/program.js'`],
      ['test/log/a.ts', `import { x } from '../../src/features/plan/plan.js'`],
    ],
  },
  'the rooms of the consumers stand in order': {
    rule: layout.roomsStandInOrder,
    bad: [
      ['src/consumers/ground/a.ts', `import { x } from '../control/x.js'`],
      ['src/consumers/scoring/a.ts', `import { x } from '../warehouse/x.js'`],
      ['src/consumers/control/a.ts', `import type { X } from '../scoring/x.js'`],
      ['src/consumers/a.ts', ``],
      ['src/consumers/attic/a.ts', ``],
    ],
    good: [
      ['src/consumers/scoring/a.ts', `import { x } from '../control/x.js'\nimport { y } from '../ground/y.js'`],
      ['src/consumers/replay/a.ts', `import { x } from '../dead-letters/x.js'\nimport { y } from './y.js'`],
      ['src/consumers/watch/a.ts', `import { x } from '../../log/event-log.js'`],
    ],
  },
  'only the composition root imports adapters': {
    rule: layout.onlyTheRootChoosesAdapters,
    bad: [
      ['src/consumers/ground/a.ts', `import { x } from '../../log/local/log.js'`],
      ['src/log/a.ts', `import { x } from './kafka/log.js'`],
      ['src/cli/doctor/a.ts', `await import('../../sinks/chdb/warehouse.js')`],
      ['src/streams/a.ts', `import { x } from './registry/confluent/registry.js'`],
    ],
    good: [
      ['src/compose/engine.ts', `import { x } from '../log/local/log.js'`],
      ['src/log/local/log.ts', `import { x } from './segment.js'`],
      ['src/sinks/chdb/warehouse.ts', `import { x } from '../clickhouse/calls.js'`],
      ['src/log/a.ts', `import { x } from './event-log.js'`],
    ],
  },
}

describe('the layout of src', () => {
  demand(kept, files)

  test('no file and no room of src reaches itself by its imports', () => {
    const graph = layout.importGraph(files)
    assert.deepEqual(layout.cyclesOf(graph), [])
    assert.deepEqual(layout.cyclesOf(layout.roomGraph(graph)), [])
  })

  test('a cycle is found: between files, and between rooms whose files have none', () => {
    const lines = { a: 'src/log/kafka/a.ts', b: 'src/log/local/b.ts', c: 'src/log/kafka/c.ts' }
    const rooms = new Map([
      [lines.a, [lines.b]],
      [lines.b, [lines.c]],
      [lines.c, []],
    ])
    assert.deepEqual(layout.cyclesOf(rooms), [])
    assert.deepEqual(layout.cyclesOf(layout.roomGraph(rooms)), [['src/log/kafka', 'src/log/local']])
    assert.deepEqual(layout.cyclesOf(rooms.set(lines.c, [lines.a])), [Object.values(lines).sort()])
  })

  test('no folder of src has more than 20 files', () => {
    assert.deepEqual(layout.crowdedFolders(files, 20), [])
  })
})
