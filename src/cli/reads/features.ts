import type { Command } from 'commander'
import { connect } from '../client/client.js'
import { reads, talksToEngine, type ReadOptions } from '../client/options.js'
import { print, printJson, printMessage, table, type Terminal } from '../terminal/terminal.js'

interface EntityAnswer {
  readonly tenant: string
  readonly at: string
  readonly features: Readonly<Record<string, number | null>>
  readonly split?: readonly number[]
}

export function featuresCommand(parent: Command, terminal: Terminal): void {
  const group = parent
    .command('features')
    .summary('read the features of an entity')
    .description('Reads the features that belong to one entity alone, from committed state.')
  reads(talksToEngine(group.command('get')))
    .summary('read the features of one person, device, site, meter, user or host')
    .argument('<stream>')
    .argument('<entity>', 'name of the entity in the stream, for example person or device')
    .argument('<id...>', 'id of the entity; several parts for an entity of several columns')
    .option('--tenant <id>', 'tenant of the entity (required with an operator key)')
    .option('--at <time>', 'end of the windows (ISO 8601, a date, or epoch ms; default: now)')
    .action(
      async (
        stream: string,
        entity: string,
        ids: readonly string[],
        options: ReadOptions & { tenant?: string; at?: string },
      ) => {
        const path = [
          '/api/v2/features',
          encodeURIComponent(stream),
          encodeURIComponent(entity),
          ids.map(encodeURIComponent).join(','),
        ].join('/')
        const client = await connect(options, terminal.interrupted)
        const found = (await client.get(path, { tenant: options.tenant, at: options.at })) as EntityAnswer
        if (options.json === true) return printJson(terminal, found)
        printMessage(terminal, `${entity} ${ids.join(', ')} of ${found.tenant}, as of ${found.at}`)
        if (found.split !== undefined)
          printMessage(
            terminal,
            `partitions ${found.split.join(' and ')} each hold a part of its history; this is the part of partition ` +
              `${found.split[0]!}. Producers chose partitions in different ways: docs/cluster.md, "Producers"`,
          )
        await print(
          terminal,
          table(
            [
              { title: 'feature', cell: ([name]) => name },
              { title: 'value', cell: ([, value]) => numberText(value), right: true },
            ],
            Object.entries(found.features),
          ),
        )
      },
    )
}

const numberText = (value: number | null): string =>
  value === null ? '-' : Number.isInteger(value) ? String(value) : value.toPrecision(6)
