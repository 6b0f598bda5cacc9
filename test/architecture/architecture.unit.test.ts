import { strict as assert } from 'node:assert'
import { describe, test } from 'vitest'
import { demand, type Kept } from './demand.js'
import * as rules from './rules.js'
import { files, paths, textOf } from './source.js'
import * as text from './text-rules.js'

const columns = text.columnsOf(paths.filter((path) => /^schemas\/.*\.avsc$/.test(path)).map(textOf))

/** The short form of the conflict prediction is an older API that clients use; its two words are part of it. */
const exceptions = new Set(['src/api/routes/predict-conflict.ts user_id'])

const ports = new Set([
  'src/log/event-log.ts EventLog',
  'src/log/event-log.ts PartitionReader',
  'src/log/event-log.ts ConsumerGroups',
  'src/log/event-log.ts Membership',
  'src/state/state-store.ts StateStore',
  'src/sinks/warehouse.ts Warehouse',
  'src/scorers/model-runtime.ts ModelRuntime',
  'src/streams/codec/schema-source.ts SchemaSource',
  'src/streams/codec/schema-source.ts SchemaSubjects',
])

const kept: Readonly<Record<string, Kept>> = {
  'RxJS stays in the consumers': {
    rule: rules.rxjsOnlyInConsumers,
    bad: [
      ['src/api/a.ts', `import { from } from 'rxjs'`],
      ['src/log/a.ts', `import { map } from 'rxjs/operators'`],
    ],
    good: [['src/consumers/a.ts', `import { from } from 'rxjs'`]],
  },
  'streams, features and learning neither log nor measure': {
    rule: rules.rulesDoNotObserve,
    bad: [
      ['src/features/a.ts', `import pino from 'pino'`],
      ['src/streams/a.ts', `import { Counter } from 'prom-client'`],
    ],
    good: [['src/consumers/a.ts', `import pino from 'pino'`]],
  },
  'the environment is read in src/config alone': {
    rule: rules.environmentOnlyInConfig,
    bad: [
      ['src/log/a.ts', `const x = process.env['HOME']`],
      ['src/cli/a.ts', `const { HOME } = process.env`],
      ['src/compose/engine.ts', `import { env } from 'node:process'`],
      ['src/compose/engine.ts', `globalThis.process.env.X`],
    ],
    good: [
      ['src/config/load.ts', `const x = process.env['HOME']`],
      ['src/log/a.ts', `// process.env is read elsewhere\nconst x = 'process.env'`],
    ],
  },
  'the clock is read in src/base/clock.ts alone': {
    rule: rules.clockOnlyInClock,
    bad: [
      ['src/log/a.ts', `Date.now()`],
      ['src/cli/a.ts', `const t = new Date()`],
      ['src/api/a.ts', `performance.now()`],
      ['src/compose/engine.ts', `process.hrtime.bigint()`],
      ['src/compose/engine.ts', `const now = Date.now`],
    ],
    good: [
      ['src/base/clock.ts', `Date.now()`],
      ['src/log/a.ts', `new Date(ms).toISOString()`],
      ['src/log/a.ts', `clock.nowMs()`],
    ],
  },
  'chance is passed in': {
    rule: rules.noHiddenChance,
    bad: [['src/simulator/a.ts', `Math.random()`]],
    good: [['src/simulator/a.ts', `Math.round(random())`]],
  },
  'features are the same numbers on every version of Node': {
    rule: rules.powersAreTheSameEverywhere,
    bad: [
      ['src/features/a.ts', `const x = 2 ** -y`],
      ['src/streams/a.ts', `Math.pow(x, 2)`],
    ],
    good: [
      ['src/features/a.ts', `const x = [2 ** 52, 2 ** -23, exp2(-y)]`],
      ['src/cli/a.ts', `const x = 2 ** y`],
    ],
  },
  'nothing writes to the console': {
    rule: rules.noConsole,
    bad: [['src/cli/a.ts', `console.log('x')`]],
    good: [['src/cli/a.ts', `// console.log('x')`]],
  },
  'only the command line writes to the terminal': {
    rule: rules.outputOnlyInCli,
    bad: [['src/compose/engine.ts', `process.stdout.write('x')`]],
    good: [['src/cli/a.ts', `process.stdout.write('x')`]],
  },
  'types are never switched off': {
    rule: rules.typesStayOn,
    bad: [
      ['src/a.ts', `let x: any`],
      ['test/a.ts', `const y = x as any`],
      ['src/a.ts', '// ' + '@ts-ignore'],
      ['bench/a.ts', '/* ' + '@ts-nocheck */'],
    ],
    good: [['src/a.ts', `let x: unknown // any`]],
  },
  'names say what things are': {
    rule: rules.namesSayWhatThingsAre,
    bad: [
      ['src/a.ts', `class LogManager {}`],
      ['src/a.ts', `interface StoreImpl {}`],
      ['src/log-utils.ts', ``],
      ['src/a.ts', `const scoringService = 1`],
    ],
    good: [
      ['src/a.ts', `const serviceLink = 1`],
      ['src/log/segment.ts', `class Segment {}`],
    ],
  },
  'a file has 250 lines at most': {
    rule: text.filesAreShort,
    bad: [
      ['src/a.ts', '\n'.repeat(251)],
      ['trainer/a.py', '\n'.repeat(251)],
    ],
    good: [
      ['src/a.ts', '\n'.repeat(250)],
      ['docs/a.md', '\n'.repeat(300)],
    ],
  },
  'a line has 120 characters at most': {
    rule: text.linesAreShort,
    bad: [['src/a.ts', 'x'.repeat(121)]],
    good: [
      ['src/a.ts', 'x'.repeat(120)],
      ['docs/a.md', 'x'.repeat(200)],
    ],
  },
  'a decision has 40 lines at most': {
    rule: text.decisionsAreShort,
    bad: [['docs/decisions/1.md', '\n'.repeat(41)]],
    good: [['docs/decisions/1.md', '\n'.repeat(40)]],
  },
  'no file names a path of a machine': {
    rule: text.noPathsOfAMachine,
    bad: [
      ['docs/a.md', 'see /' + 'home/ann/x'],
      ['src/a.ts', `const x = '/` + `root/x'`],
    ],
    good: [['docs/a.md', 'GET /homes/x, ./work/x, $DIR/' + 'home/x']],
  },
  'nothing is left unfinished': {
    rule: text.nothingUnfinished,
    bad: [['src/a.ts', '// TO' + 'DO later']],
    good: [['src/a.ts', `// to do things`]],
  },
  'every test runs, and its name tells its cost': {
    rule: text.testsAllRun,
    bad: [
      ['test/a.unit.test.ts', `test.skip('x')`],
      ['test/a.unit.test.ts', `describe.only('x')`],
      ['test/a.unit.test.ts', `it.runIf(x)('y')`],
      ['test/a.test.ts', ``],
    ],
    good: [['test/a.int.test.ts', `test('x', () => { list.skip(1) })`]],
  },
  'the engine knows no column of a stream': {
    rule: text.engineKnowsNoColumn(columns, exceptions),
    bad: [
      ['src/consumers/a.ts', `const x = event['person_id']`],
      ['src/api/a.ts', `const { occurred_at } = event`],
    ],
    good: [
      ['src/streams/built-in/attendance.ts', `by('person_id')`],
      ['src/api/a.ts', `const x = event.event_id`],
      ['src/log/a.ts', `// person_id`],
    ],
  },
  'a port has one to four members': {
    rule: text.portsAreNarrow(ports),
    bad: [
      [
        'src/sinks/warehouse.ts',
        `export interface Warehouse { a(): void; b(): void; c(): void; d(): void; e(): void }`,
      ],
    ],
    good: [
      ['src/sinks/warehouse.ts', `export interface Warehouse { a(): void }`],
      ['src/a.ts', `interface Row { a: 1; b: 1; c: 1; d: 1; e: 1 }`],
    ],
  },
}

describe('the rules of the house', () => {
  demand(kept, files)

  test('the median file of src has about 100 lines', () => {
    const median = text.medianOf(files.filter(({ path }) => text.isSource(path)).map(text.linesOf))
    assert.ok(median >= 20 && median <= 120, `the median is ${median}`)
  })

  test('the rules see the project: its sources, its columns, every port', () => {
    assert.ok(files.filter(({ path }) => text.isSource(path)).length > 40)
    for (const column of ['person_id', 'occurred_at', 'record_id', 'host_id']) assert.ok(columns.has(column), column)
    for (const port of ports) {
      const [path, name] = port.split(' ')
      assert.match(textOf(path!), new RegExp(`interface ${name!}\\b`))
    }
  })
})
