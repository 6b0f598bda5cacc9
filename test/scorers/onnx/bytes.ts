/** Tiny ONNX models, written field by field (onnx.proto3), so that tests need no trained file. */

type Field = readonly [number: number, value: number | string | Buffer]

const varint = (value: number): Buffer => {
  const bytes: number[] = []
  for (let rest = value; ; rest = Math.floor(rest / 128)) {
    if (rest < 128) return Buffer.from([...bytes, rest])
    bytes.push((rest % 128) | 128)
  }
}

const message = (...fields: Field[]): Buffer =>
  Buffer.concat(
    fields.flatMap(([number, value]) => {
      if (typeof value === 'number') return [varint(number * 8), varint(value)]
      const bytes = typeof value === 'string' ? Buffer.from(value) : value
      return [varint(number * 8 + 2), varint(bytes.length), bytes]
    }),
  )

const float32 = 1
const int64 = 7
const floats = (values: readonly number[]): Buffer => Buffer.from(Float32Array.from(values).buffer)

const tensor = (name: string, dims: readonly number[], values: readonly number[]): Buffer =>
  message(...dims.map((dim): Field => [1, dim]), [2, float32], [8, name], [9, floats(values)])

const int64Tensor = (name: string, value: bigint): Buffer =>
  message([1, 1], [2, int64], [8, name], [9, Buffer.from(BigInt64Array.of(value).buffer)])

/** A tensor with its data in another file. */
const externalTensor = (name: string, dims: readonly number[]): Buffer =>
  message(
    ...dims.map((dim): Field => [1, dim]),
    [2, float32],
    [8, name],
    [13, message([1, 'location'], [2, '../secret.bin'])],
    [14, 1],
  )

const integer = (name: string, value: number): Buffer => message([1, name], [3, value], [20, 2])
const integers = (name: string, values: readonly number[]): Buffer =>
  message([1, name], ...values.map((value): Field => [8, value]), [20, 7])

const node = (op: string, inputs: readonly string[], output: string, ...attributes: Buffer[]): Buffer =>
  message(
    ...inputs.map((input): Field => [1, input]),
    [2, output],
    [4, op],
    ...attributes.map((one): Field => [5, one]),
  )

const dimension = (size: number | string): Buffer =>
  typeof size === 'number' ? message([1, size]) : message([2, size])
const valueInfo = (name: string, dims: readonly (number | string)[]): Buffer =>
  message(
    [1, name],
    [2, message([1, message([1, float32], [2, message(...dims.map((dim): Field => [1, dimension(dim)]))])])],
  )

function model(width: number, nodes: readonly Buffer[], initializers: readonly Buffer[]): Buffer {
  const graph = message(
    ...nodes.map((one): Field => [1, one]),
    [2, 'graph'],
    ...initializers.map((one): Field => [5, one]),
    [11, valueInfo('input', ['N', width])],
    [12, valueInfo('score', ['N', 1])],
  )
  return message([1, 8], [7, graph], [8, message([2, 13])])
}

/** score = 1 / (1 + exp(-sum(weight x value))). */
export const linearModel = (weights: readonly number[]): Buffer =>
  model(
    weights.length,
    [
      node('Mul', ['input', 'weights'], 'weighted'),
      node('ReduceSum', ['weighted', 'axis'], 'sum', integer('keepdims', 1)),
      node('Sigmoid', ['sum'], 'score'),
    ],
    [tensor('weights', [1, weights.length], weights), int64Tensor('axis', 1n)],
  )

/** The sum without the sigmoid: a margin, which may be any number. */
export const marginModel = (weights: readonly number[]): Buffer =>
  model(
    weights.length,
    [
      node('Mul', ['input', 'weights'], 'weighted'),
      node('ReduceSum', ['weighted', 'axis'], 'score', integer('keepdims', 1)),
    ],
    [tensor('weights', [1, weights.length], weights), int64Tensor('axis', 1n)],
  )

/** score = sigmoid(log(limit - first feature)): NaN where the first feature is above the limit. */
export const nanAboveModel = (width: number, limit: number): Buffer =>
  model(
    width,
    [
      node('Gather', ['input', 'first'], 'feature', integer('axis', 1)),
      node('Sub', ['limit', 'feature'], 'rest'),
      node('Log', ['rest'], 'logarithm'),
      node('Sigmoid', ['logarithm'], 'score'),
    ],
    [int64Tensor('first', 0n), tensor('limit', [1, 1], [limit])],
  )

/** Scores a row by its distance from the mean of its batch, so the score depends on the batch. */
export const batchDependentModel = (): Buffer =>
  model(
    1,
    [
      node('ReduceMean', ['input'], 'mean', integers('axes', [0]), integer('keepdims', 1)),
      node('Sub', ['input', 'mean'], 'distance'),
      node('Sigmoid', ['distance'], 'score'),
    ],
    [],
  )

/** Reads a score from a table by the first feature, 0 to 2; any other index is an error at run time. */
export const lookupModel = (): Buffer =>
  model(
    1,
    [node('Cast', ['input'], 'index', integer('to', int64)), node('Gather', ['table', 'index'], 'score')],
    [tensor('table', [3], [0.1, 0.2, 0.3])],
  )

/** Like linearModel with one weight, which is stored outside the file. */
export const externalDataModel = (): Buffer =>
  model(1, [node('Mul', ['input', 'weights'], 'score')], [externalTensor('weights', [1, 1])])
