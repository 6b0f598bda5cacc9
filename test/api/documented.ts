/** Compares every answer in the tests with its OpenAPI documentation. */
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js'
import { expect } from 'vitest'

interface Document {
  readonly paths: Readonly<
    Record<
      string,
      Readonly<
        Record<
          string,
          {
            readonly responses: Readonly<
              Record<string, { readonly content?: Readonly<Record<string, { readonly schema: object }>> }>
            >
          }
        >
      >
    >
  >
}
interface Response {
  readonly statusCode: number
  readonly body: string
  readonly headers: Readonly<Record<string, number | string | readonly string[] | undefined>>
}

/** Any route may answer with these: unknown path or method, a defect, a stopped engine. */
const anywhere = new Set([404, 405, 500])
const schemas = new Map<string, ValidateFunction>()
/** The same for every test: it depends only on the fake streams. */
let written: Document | undefined

/** Fails when a route answers with a status, a content type or a body that its documentation does not contain. */
export function assertDocumented(
  write: () => object,
  method: string,
  url: string,
  { statusCode, body, headers }: Response,
): void {
  const document = (written ??= write() as Document)
  const path = pathOf(document, url.split('?', 1)[0]!.replace(/\/$/, ''))
  const operation = path === undefined ? undefined : document.paths[path]?.[method.toLowerCase()]
  if (path === undefined || !operation) return
  const response = operation.responses[statusCode]
  if (!response && anywhere.has(statusCode)) return
  expect([method, path, Object.keys(operation.responses)]).toEqual([
    method,
    path,
    expect.arrayContaining([String(statusCode)]),
  ])
  const type = String(headers['content-type'] ?? '').split(';', 1)[0]!
  const schema = response?.content?.[type]?.schema
  if (!response?.content) return expect(body).toBe('')
  expect([method, path, statusCode, Object.keys(response.content)]).toEqual([
    method,
    path,
    statusCode,
    expect.arrayContaining([type]),
  ])
  if (!schema || !type.includes('json')) return
  const validate = validatorOf(`${method} ${path} ${statusCode}`, document, schema)
  validate(JSON.parse(body))
  expect([method, path, statusCode, validate.errors]).toEqual([method, path, statusCode, null])
}

const pathOf = (document: Document, path: string): string | undefined =>
  Object.keys(document.paths)
    .sort((a, b) => a.split('{').length - b.split('{').length)
    .find((pattern) => new RegExp(`^${pattern.replace(/\{\w+\}/g, '[^/]+')}$`).test(path))

function validatorOf(name: string, document: Document, schema: object): ValidateFunction {
  const known = schemas.get(name)
  if (known) return known
  const validate = new Ajv2020({ strict: false, validateFormats: false }).compile({ ...document, ...schema })
  schemas.set(name, validate)
  return validate
}
