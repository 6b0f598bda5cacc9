/** Dead letters in memory, with the behaviour that the port promises. */
import type { DeadLetter, DeadLetters, PurgeRequest, RedriveRequest } from '../../src/contracts/dead-letters.js'

export const deadLetter = (given: Partial<DeadLetter> = {}): DeadLetter => ({
  id: 'visit/0/0',
  stream: 'visit',
  partition: 0,
  offset: 7,
  timeMs: Date.parse('2026-01-06T08:00:00Z'),
  code: 'BAD_JSON',
  stage: 'decode',
  reason: 'it ends too early',
  version: '0.1.0 0123456789abcdef',
  attempts: 0,
  origin: 7,
  tenant: 'acme',
  event_id: null,
  bytes: 1,
  state: 'new',
  ...given,
})

export interface FakeDeadLetters extends DeadLetters {
  readonly stored: DeadLetter[]
  readonly asked: (RedriveRequest | PurgeRequest)[]
}

export function fakeDeadLetters(): FakeDeadLetters {
  const stored: DeadLetter[] = []
  const asked: (RedriveRequest | PurgeRequest)[] = []
  const page = <Item>(items: readonly Item[], cursor: string | undefined, limit: number) => {
    const from = Number(cursor ?? 0)
    return {
      items: items.slice(from, from + limit),
      ...(items.length > from + limit && { next: String(from + limit) }),
    }
  }
  const chosen = (filter: Readonly<Record<string, unknown>>): readonly DeadLetter[] =>
    stored.filter((one) =>
      (['stream', 'partition', 'code', 'stage', 'tenant', 'state'] as const).every(
        (name) => filter[name] === undefined || one[name] === filter[name],
      ),
    )
  return {
    stored,
    asked,
    list: (filter, cursor, limit) => Promise.resolve(page(chosen({ ...filter }), cursor, limit)),
    show(stream, partition, position) {
      const found = stored.find(({ id }) => id === `${stream}/${partition}/${position}`)
      return Promise.resolve(
        found && {
          ...found,
          key: { text: 'acme' },
          value: { base64: '/w==' },
          headers: { tenant: { text: 'acme' } },
          today: { becomes: 'bad', code: 'BAD_JSON', reason: 'still' },
        },
      )
    },
    redrive(request) {
      asked.push(request)
      const { items, ...rest } = page(chosen({ ...request.filter, state: 'new' }), request.cursor, request.limit)
      return Promise.resolve({
        items: items.map((one) => ({
          deadLetter: one,
          becomes: request.dryRun ? ('duplicate' as const) : ('redriven' as const),
        })),
        ...rest,
      })
    },
    purge(request) {
      asked.push(request)
      return Promise.resolve(page(chosen({ ...request.filter, state: 'new' }), request.cursor, request.limit))
    },
  }
}
