/** Generates docs/reference/api.md from the OpenAPI document. The caller passes the modules, built or from source. */

import pino from 'pino'
import { Registry } from 'prom-client'
import { code, row, wrapped } from './markdown.js'

const generated =
  '<!-- scripts/generate-api-reference.js generates this page from the OpenAPI document; a test compares them. -->'

/**
 * @typedef {{ readonly description?: string, readonly type?: string, readonly enum?: readonly string[], readonly $ref?:
 *   string, readonly anyOf?: readonly Shape[], readonly items?: Shape, readonly properties?: Readonly<Record<string,
 *   Shape>>, readonly required?: readonly string[], readonly additionalProperties?: unknown }} Shape
 * @typedef {{ readonly schema?: Shape, readonly example?: unknown, readonly examples?: Readonly<Record<string, {
 *   readonly value: unknown }>> }} Media
 * @typedef {{ readonly summary: string, readonly description?: string, readonly tags: readonly string[],
 *   readonly security?: readonly unknown[], readonly parameters?: readonly { readonly name: string,
 *   readonly in: string, readonly required?: boolean, readonly description?: string,
 *   readonly schema: Shape }[], readonly requestBody?: {
 *   readonly content: Readonly<Record<string, Media>> }, readonly responses: Readonly<Record<string, {
 *   readonly description: string, readonly content?: Readonly<Record<string, Media>> }>> }} Operation
 * @typedef {{ readonly tags: readonly { readonly name: string, readonly description: string }[], readonly paths:
 *   Readonly<Record<string, Readonly<Record<string, Operation>>>>, readonly components: { readonly schemas:
 *   Readonly<Record<string, Shape>> } }} Document
 */

/** The time in examples, fixed so that the page changes only with the API: 2026-01-06T08:00:00Z. */
const exampleMs = 1_767_686_400_000

/**
 * The OpenAPI document without a running engine: it opens no store and listens on no port.
 * @param {Pick<typeof import('../src/api/api.js'), 'buildApi'> & Pick<typeof
 *   import('../src/streams/built-in/index.js'), 'builtinStreams'>} modules
 * @returns {Promise<Document>}
 */
export async function referenceDocument({ buildApi, builtinStreams }) {
  const absent = () => {
    throw new Error('no engine runs behind this document')
  }
  const streams = builtinStreams.map((stream) => ({
    ...stream,
    columns: { id: stream.id, tenant: stream.tenant, time: stream.time, key: stream.key },
    entities: Object.entries(stream.entities).map(([name, { columns, scope }]) => ({ name, columns, scope })),
    features: stream.features.map(({ name, feature }) => ({ name, kind: feature.kind })),
    family: stream.model ?? null,
    serving: { by: /** @type {const} */ ('heuristic'), version: '', problem: null },
    fingerprint: '',
  }))
  const app = await buildApi({
    ports: {
      scoring: {
        streams: () => streams,
        decodeAvro: absent,
        ingest: absent,
        predict: absent,
        features: absent,
        appendOutcomes: absent,
      },
      deadLetters: { list: absent, show: absent, redrive: absent, purge: absent },
      runs: { putBacktest: absent, addPredictions: absent, decideReplay: absent, replays: absent },
      queries: { findPredictions: absent, predictionsOf: absent, select: absent, answer: absent },
      partitions: { list: absent, accept: absent },
      tenants: { list: absent, isRemoved: () => false, add: absent, remove: absent },
      readiness: async () => [],
      metrics: new Registry(),
    },
    keys: { verify: () => undefined, list: () => [], create: absent, withdraw: absent },
    clock: { nowMs: () => exampleMs, sleep: async () => undefined },
    logger: pino({ level: 'silent' }),
    version: '0',
  })
  await app.ready()
  const document = /** @type {unknown} */ (app.swagger())
  await app.close()
  return /** @type {Document} */ (document)
}

/** Describes a shape in a few words. @type {(shape: Shape) => string} */
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
  const rows = parameters.map(({ name, in: place, required, description = '', schema }) =>
    row([code(name), `${place}${required ? '' : ', optional'}`, words(schema), description]),
  )
  return `\n| parameter | in | is | |\n|---|---|---|---|\n${rows.join('\n')}\n`
}

/** JSON as indented code: in one line when it fits. @type {(value: unknown) => string} */
function jsonText(value) {
  const line = JSON.stringify(value)
  const text = line.length <= 116 ? line : JSON.stringify(value, undefined, 2)
  return text.replaceAll(/^/gm, '    ')
}

/** @type {(operation: Operation) => string} */
function bodyOf({ requestBody }) {
  if (!requestBody) return ''
  const media = requestBody.content['application/json']
  const example = media?.example ?? Object.values(media?.examples ?? {})[0]?.value
  const types = Object.keys(requestBody.content)
    .map((type) => `\`${type}\``)
    .join(', ')
  return `\nBody: ${types}.${example === undefined ? '' : ` For example:\n\n${jsonText(example)}`}\n`
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

/** @type {(one: { readonly title: string, readonly operation: Operation }) => string} */
function operationText({ title, operation }) {
  const { summary, description } = operation
  const about = `${summary}${summary.endsWith('?') ? '' : '.'}${description ? ` ${description}` : ''}`
  return `### ${title}\n\n${about}\n${parametersOf(operation)}${bodyOf(operation)}${answersOf(operation)}`
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
    return `## ${description.replace(/\.$/, '')}\n\n${own.map(operationText).join('\n')}`
  })
  const shapes = Object.entries(document.components.schemas).filter(([name]) => !/^(Event|Question)\./.test(name))
  const mebibytes = (/** @type {number} */ bytes) => `${bytes / 2 ** 20} MiB`
  return wrapped(`${generated}
# HTTP API

A running engine serves the source of this page at \`/openapi.json\` (OpenAPI 3.1, with the schema and an example of \
every stream's events), and a page to try the API at \`/docs\`. It listens on 127.0.0.1 by default.

**Keys.** Everything under \`/api/v2\` needs \`Authorization: Bearer tm_...\`. A key belongs to one tenant or to the \
operator, and has scopes: \`events:write\`, \`predict\`, \`read\`, \`outcomes:write\`, \`admin\`. \
\`tidemill keys create\` creates a key, with or without a running engine; the engine stores only its hash. Without a \
valid key the answer is 401, without the scope 403. For what does not belong to the key's tenant, or does not exist, \
the answer is 403 too, so that it does not reveal what other tenants have. Operator keys get 404.

**Limits.** A body has at most ${mebibytes(limits.apiBodyBytes)} and ${limits.apiBatch} events, an event \
${limits.eventBytes / 2 ** 10} KiB, a page ${limits.apiPage} rows. While ${limits.apiInFlightRequests} requests or \
${mebibytes(limits.apiInFlightBytes)} of bodies are in flight, the engine answers further ones with 503 and \
\`Retry-After\`.

**Times** are epoch milliseconds in events. Parameters also take ISO 8601 with a zone, or a date.

${sections.join('\n')}
## Problems

Refusals are RFC 9457 problem details (\`application/problem+json\`): \`type\`, \`title\`, \`status\`, \
\`detail\`, \`instance\` (the id in the engine's log) and \`code\`. \`errors\` names the fields at fault. When the \
engine refuses a whole batch, \`results\` has one entry per event; when all events have the same reason, \`code\` is \
that reason's code. Status 503 and 507 come with \`Retry-After\`, and repeating the request is safe.

| code | status | |
|---|---|---|
${problems.map(({ code: name, status, title }) => row([code(name), String(status), title])).join('\n')}

## Shapes

| name | fields | |
|---|---|---|
${shapes.map(([name, shape]) => row([name, words(shape), shape.description ?? ''])).join('\n')}
`)
}
