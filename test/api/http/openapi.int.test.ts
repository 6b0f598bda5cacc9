import { Validator } from '@seriousme/openapi-schema-validator'
import { expect, test } from 'vitest'
import { row } from '../fake-queries.js'
import { startApi, type Api, type Method } from '../harness.js'

interface Media {
  readonly schema?: unknown
  readonly example?: unknown
  readonly examples?: Readonly<Record<string, { readonly value: unknown }>>
}
interface Operation {
  readonly summary?: string
  readonly operationId?: string
  readonly parameters?: readonly { readonly name: string; readonly schema?: { readonly enum?: readonly string[] } }[]
  readonly requestBody?: { readonly content: Readonly<Record<string, Media>> }
  readonly responses: Readonly<
    Record<string, { readonly description?: string; readonly content?: Readonly<Record<string, Media>> }>
  >
}
interface Document {
  readonly openapi: string
  readonly components: { readonly schemas: Readonly<Record<string, unknown>> }
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>
}

const documentOf = async ({ send }: Api): Promise<Document> =>
  (await send(undefined, 'GET', '/openapi.json')).body as unknown as Document
const operationsOf = (document: Document): readonly (readonly [string, string, Operation])[] =>
  Object.entries(document.paths).flatMap(([path, operations]) =>
    Object.entries(operations).map(([method, operation]) => [path, method, operation] as const),
  )

test('the document is valid OpenAPI 3.1', async () => {
  const document = await documentOf(await startApi())
  const { valid, errors } = await new Validator().validate(
    JSON.parse(JSON.stringify(document)) as Record<string, unknown>,
  )
  expect(errors).toBeUndefined()
  expect([valid, document.openapi]).toEqual([true, '3.1.0'])
})

test('every reference in the document resolves', async () => {
  const document = await documentOf(await startApi())
  const references = [...JSON.stringify(document).matchAll(/"\$ref":"([^"]+)"/g)].map(([, target]) => target!)
  expect(references.length).toBeGreaterThan(10)
  for (const target of references)
    expect(document.components.schemas).toHaveProperty([target.replace('#/components/schemas/', '')])
})

test('it contains every route of the API, with a summary, a name and described answers', async () => {
  const document = await documentOf(await startApi())
  const operations = operationsOf(document)
  expect(operations.map(([path, method]) => `${method.toUpperCase()} ${path}`).sort()).toEqual([
    'DELETE /api/v2/backups/{id}',
    'DELETE /api/v2/keys/{id}',
    'DELETE /api/v2/tenants/{tenant}',
    'GET /api/v2/backups/{id}',
    'GET /api/v2/dead-letters',
    'GET /api/v2/dead-letters/{stream}/{partition}/{position}',
    'GET /api/v2/features/{stream}/{entity}/{id}',
    'GET /api/v2/keys',
    'GET /api/v2/partitions',
    'GET /api/v2/predictions',
    'GET /api/v2/predictions/{event_id}',
    'GET /api/v2/replays',
    'GET /api/v2/streams',
    'GET /api/v2/tenants',
    'GET /livez',
    'GET /metrics',
    'GET /readyz',
    'POST /api/v2/backtests',
    'POST /api/v2/backtests/{id}/predictions',
    'POST /api/v2/backups',
    'POST /api/v2/dead-letters/purge',
    'POST /api/v2/dead-letters/redrive',
    'POST /api/v2/events/{stream}',
    'POST /api/v2/keys',
    'POST /api/v2/outcomes',
    'POST /api/v2/partitions/accept',
    'POST /api/v2/predict/conflict',
    'POST /api/v2/predict/{stream}',
    'POST /api/v2/replays',
    'POST /api/v2/replays/{id}/predictions',
    'POST /api/v2/sql',
    'POST /api/v2/tenants',
  ])
  for (const [path, method, operation] of operations) {
    expect([path, method, operation.summary, operation.operationId]).toEqual([
      path,
      method,
      expect.stringMatching(/\w/),
      expect.stringMatching(/^\w+$/),
    ])
    const answers = Object.entries(operation.responses)
    expect(answers.some(([status]) => status.startsWith('2'))).toBe(true)
    for (const [status, answer] of answers) {
      expect([path, status, answer.description]).toEqual([
        path,
        status,
        expect.not.stringMatching(/^(Default Response)?$/),
      ])
      if (Number(status) >= 400 && path.startsWith('/api/'))
        expect(Object.keys(answer.content ?? {})).toEqual(['application/problem+json'])
    }
  }
})

test('it contains the streams by name, with a schema of their events', async () => {
  const document = await documentOf(await startApi())
  expect(
    document.paths['/api/v2/predict/{stream}']?.['post']?.parameters?.find(({ name }) => name === 'stream')?.schema
      ?.enum,
  ).toEqual(['visit', 'sync'])
  expect(document.components.schemas['Event.visit']).toMatchObject({
    description: 'Somebody passes a door.',
    required: ['event_id', 'person_id', 'at', 'way'],
    properties: {
      way: { enum: ['in', 'out'], description: 'Which way.' },
      door: { anyOf: [{ type: 'null' }, { type: 'string' }] },
      at: { type: 'integer' },
    },
  })
  expect(document.components.schemas['Question.visit']).toMatchObject({ required: ['person_id', 'way'] })
})

test('every example in it works', async () => {
  const api = await startApi()
  api.engine.rows.push(row())
  const document = await documentOf(api)
  let tried = 0
  for (const [path, method, operation] of operationsOf(document)) {
    const media = operation.requestBody?.content['application/json']
    if (!media) continue
    const examples =
      media.example === undefined ? Object.entries(media.examples ?? {}) : [['', { value: media.example }] as const]
    expect([path, examples.length]).not.toEqual([path, 0])
    for (const [name, { value }] of examples) {
      const answer = await api.send(
        /keys|sql|dead-letters|partitions|backtests|replays|tenants/.test(path) ? api.as.operator : api.as.acme,
        method.toUpperCase() as Method,
        path.replace('{stream}', name),
        value,
      )
      expect([path, name, answer.text, answer.status < 300]).toEqual([path, name, answer.text, true])
      tried++
    }
  }
  expect(tried).toBe(14)
})

test('the page at /docs needs no other server', async () => {
  const { send } = await startApi()
  const page = await send(undefined, 'GET', '/docs/')
  expect([page.status, page.headers['content-type']]).toEqual([200, expect.stringContaining('text/html')])
  expect(page.headers['content-security-policy']).toContain("default-src 'self'")
  expect(page.text).not.toMatch(/(src|href)="(https?:)?\/\//)
})
