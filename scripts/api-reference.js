/** docs/reference/api.md, made of the OpenAPI document; the modules are handed in, built or from source. */

import pino from 'pino'
import { Registry } from 'prom-client'

const generated = '<!-- Made by scripts/generate-api-reference.js from the OpenAPI document; a test compares them. -->'
/** @type {(text: string) => string} */
const cell = (text) => text.replaceAll('|', '\\|').replaceAll('\n', ' ')

/**
 * @typedef {{ readonly description?: string, readonly type?: string, readonly enum?: readonly string[], readonly $ref?:
 *   string, readonly anyOf?: readonly Shape[], readonly items?: Shape, readonly properties?: Readonly<Record<string,
 *   Shape>>, readonly required?: readonly string[], readonly additionalProperties?: unknown }} Shape
 * @typedef {{ readonly schema?: Shape, readonly example?: unknown, readonly examples?: Readonly<Record<string, {
 *   readonly value: unknown }>> }} Media
 * @typedef {{ readonly summary: string, readonly description?: string, readonly tags: readonly string[],
 *   readonly security?: readonly unknown[], readonly parameters?: readonly { readonly name: string, readonly in: string,
 *   readonly required?: boolean, readonly description?: string, readonly schema: Shape }[], readonly requestBody?: {
 *   readonly content: Readonly<Record<string, Media>> }, readonly responses: Readonly<Record<string, {
 *   readonly description: string, readonly content?: Readonly<Record<string, Media>> }>> }} Operation
 * @typedef {{ readonly tags: readonly { readonly name: string, readonly description: string }[], readonly paths:
 *   Readonly<Record<string, Readonly<Record<string, Operation>>>>, readonly components: { readonly schemas:
 *   Readonly<Record<string, Shape>> } }} Document
 */

/** Stands in examples, so that the page differs only when the API does: 2026-01-06T08:00:00Z. */
const exampleMs = 1_767_686_400_000

/**
 * The OpenAPI document of an engine that is not running: nothing is opened, nothing listens.
 * @param {Pick<typeof import('../src/api/api.js'), 'buildApi'> & Pick<typeof
 *   import('../src/streams/built-in/index.js'), 'builtinStreams'>} modules
 * @returns {Promise<Document>}
 */
export async function referenceDocument({ buildApi, builtinStreams }) {
  const away = () => {
    throw new Error('there is no engine behind this document')
  }
  const streams = builtinStreams.map((stream) => ({
    ...stream,
    columns: { id: stream.id, tenant: stream.tenant, time: stream.time, key: stream.key },
    entities: Object.entries(stream.entities).map(([name, { columns, scope }]) => ({ name, columns, scope })),
    features: stream.features.map(({ name, feature }) => ({ name, kind: feature.kind })),
    family: stream.model ?? null,
    serving: { by: /** @type {const} */ ('heuristic'), version: '' },
    fingerprint: '',
  }))
  const app = await buildApi({
    ports: {
      scoring: {
        streams: () => streams,
        decodeAvro: away,
        ingest: away,
        predict: away,
        features: away,
        appendOutcomes: away,
      },
      deadLetters: { list: away, show: away, redrive: away, purge: away },
      runs: { putBacktest: away, addPredictions: away, decideReplay: away, replays: away },
      queries: { findPredictions: away, predictionsOf: away, select: away },
      partitions: { list: away, accept: away },
      readiness: async () => [],
      metrics: new Registry(),
    },
    keys: { verify: () => undefined, list: () => [], create: away, withdraw: away },
    clock: { nowMs: () => exampleMs, sleep: async () => undefined },
    logger: pino({ level: 'silent' }),
    version: '0',
  })
  await app.ready()
  const document = /** @type {unknown} */ (app.swagger())
  await app.close()
  return /** @type {Document} */ (document)
}

/** A shape in a few words. @type {(shape: Shape) => string} */
function words(shape) {
  if (shape.$ref !== undefined) return shape.$ref.replace('#/components/schemas/', '')
  if (shape.enum) return shape.enum.map((word) => JSON.stringify(word)).join(', ')
  if (shape.anyOf) return shape.anyOf.map(words).join(' or ')
  if (shape.type === 'array') return `list of ${shape.items ? words(shape.items) : 'anything'}`
  if (shape.type === 'object' && shape.properties)
    return `{ ${Object.keys(shape.properties)
      .map((name) => (shape.required?.includes(name) ? name : `${name}?`))
      .join(', ')} }`
  return shape.type ?? 'anything'
}

/** @type {(operation: Operation) => string} */
function parametersOf({ parameters = [] }) {
  if (parameters.length === 0) return ''
  const rows = parameters.map(
    ({ name, in: place, required, description = '', schema }) =>
      `| \`${name}\` | ${place}${required ? '' : ', optional'} | ${cell(words(schema))} | ${cell(description)} |`,
  )
  return `\n| parameter | in | is | |\n|---|---|---|---|\n${rows.join('\n')}\n`
}

/** @type {(operation: Operation) => string} */
function bodyOf({ requestBody }) {
  if (!requestBody) return ''
  const media = requestBody.content['application/json']
  const example = media?.example ?? Object.values(media?.examples ?? {})[0]?.value
  const types = Object.keys(requestBody.content)
    .map((type) => `\`${type}\``)
    .join(', ')
  return `\nBody: ${types}.${example === undefined ? '' : ` For example:\n\n    ${JSON.stringify(example)}`}\n`
}

/** @type {(operation: Operation) => string} */
function answersOf({ responses }) {
  const rows = Object.entries(responses)
    .filter(([status]) => Number(status) < 400)
    .map(([status, { description, content = {} }]) => {
      const schema = Object.values(content)[0]?.schema
      return `* **${status}** ${description}${schema ? ` ${words(schema)}` : ''}`
    })
  const refused = Object.keys(responses).filter((status) => Number(status) >= 400)
  return `\n${rows.join('\n')}${refused.length > 0 ? `\n* refused with ${refused.join(', ')}` : ''}\n`
}

/**
 * The page.
 * @param {Document} document
 * @param {readonly { readonly code: string, readonly status: number, readonly title: string }[]} problems
 * @param {typeof import('../src/base/limits.js').limits} limits
 */
export function apiReference(document, problems, limits) {
  const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ title: `${method.toUpperCase()} ${path}`, operation })),
  )
  const sections = document.tags.map(({ name, description }) => {
    const own = operations.filter(({ operation }) => operation.tags.includes(name))
    return (
      '## ' +
      `${description.replace(/\.$/, '')}\n\n${own.map(({ title, operation }) => [`### ${title}\n\n${operation.summary}${operation.summary.endsWith('?') ? '' : '.'}`, operation.description ? ` ${operation.description}` : '', '\n', parametersOf(operation), bodyOf(operation), answersOf(operation)].join('')).join('\n')}`
    )
  })
  const shapes = Object.entries(document.components.schemas).filter(([name]) => !/^(Event|Question)\./.test(name))
  return `${generated}
# HTTP API

A running engine serves this page's source at \`/openapi.json\` (OpenAPI 3.1, with the schema and an example of every stream's events) and a page to try it on at \`/docs\`.
It listens on 127.0.0.1 unless told otherwise.

**Keys.** Everything under \`/api/v2\` needs \`Authorization: Bearer tm_...\`. A key belongs to one tenant, or to the operator, and has scopes: \`events:write\`, \`predict\`, \`read\`, \`outcomes:write\`, \`admin\`.
\`tidemill keys create\` makes one, also beside a running engine; only hashes are stored. Without a valid key the answer is 401; without the scope, or for anything that is not the key's own, it is 403:
the same answer whether another tenant has it or nobody, and so also for an id of your own that is not there (yet). Operator keys get 404.

**Limits.** A body has at most ${limits.apiBodyBytes / 2 ** 20} MiB and ${limits.apiBatch} events, an event ${limits.eventBytes / 2 ** 10} KiB, a page ${limits.apiPage} rows. With ${limits.apiInFlightRequests} requests or ${limits.apiInFlightBytes / 2 ** 20} MiB of bodies under way, more are told to come again (503, \`Retry-After\`).

**Times** are epoch milliseconds in events; in parameters also ISO 8601 with a zone, or a date.

${sections.join('\n')}
## Problems

Refusals are RFC 9457 problem details (\`application/problem+json\`): \`type\`, \`title\`, \`status\`, \`detail\`, \`instance\` (the id under which the log has it), \`code\`; \`errors\` names the fields to blame; \`results\` has one entry an event where a whole batch was refused.
A batch that is refused for one reason has that reason's code. Status 503 and 507 come with \`Retry-After\`; repeating is safe.

| code | status | |
|---|---|---|
${problems.map(({ code, status, title }) => `| \`${code}\` | ${status} | ${title} |`).join('\n')}

## Shapes

| name | fields | |
|---|---|---|
${shapes.map(([name, shape]) => `| ${name} | ${cell(words(shape))} | ${cell(shape.description ?? '')} |`).join('\n')}
`
}
