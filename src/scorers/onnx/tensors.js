// Chooses the input and the output of an ONNX model. Plain JavaScript, because a worker needs a file that is the same
// before and after the build.

/** The model is readable but cannot score: the message names the mistake and the export option that mends it. */
export class Refused extends Error {}

/** The refusal of a model that the runtime cannot load, if an export option mends it. @param {string} message */
export function refusalOf(message) {
  const lacking = /Could not find an implementation for (\w+)/.exec(message)?.[1]
  if (lacking !== undefined)
    return new Refused(
      `the runtime has no '${lacking}' for the model's types. Export it with FloatTensorType instead of ` +
        `DoubleTensorType, and with a lower target_opset if that is not enough (${message})`,
    )
  if (/opset/i.test(message) && /guarantees|unsupported|not supported/i.test(message))
    return new Refused(`the model needs a newer runtime. Export it with a lower target_opset (${message})`)
  return undefined
}

/** @typedef {import('onnxruntime-node').InferenceSession.ValueMetadata} Value */
/** @typedef {import('onnxruntime-node').InferenceSession.TensorValueMetadata} TensorValue */

const floats = ['float32', 'float64']

/**
 * The float32 input of shape [N, width]. `single`: it takes one row at a time.
 * @param {readonly Value[]} inputs @param {string | undefined} named
 */
export function inputOf(inputs, named) {
  const input = named === undefined ? inputs[0] : inputs.find(({ name }) => name === named)
  if (input === undefined)
    throw new Refused(`the model has no input '${named ?? ''}'; it has ${listed(inputs)}. Correct the manifest's input`)
  if (inputs.length > 1)
    throw new Refused(
      `the model has ${inputs.length} inputs (${listed(inputs)}). Export it with one input for all features: ` +
        "initial_types=[('input', FloatTensorType([None, width]))]",
    )
  if (!input.isTensor || input.type !== 'float32')
    throw new Refused(
      `input '${input.name}' is ${typeOf(input)}, not float32. Export it with FloatTensorType instead of ` +
        'DoubleTensorType; with keep_io_types=True where float16 is converted; from PyTorch with a float32 example',
    )
  const [rows, width] = input.shape
  if (input.shape.length !== 2)
    throw new Refused(
      `input '${input.name}' has ${input.shape.length} dimensions, not [N, width]. Export it with an example of ` +
        'shape [1, width] and a dynamic first dimension',
    )
  if (typeof width !== 'number' || width < 1)
    throw new Refused(
      `the width of input '${input.name}' is not fixed. Export it with FloatTensorType([None, width]); from PyTorch ` +
        'with a dynamic first dimension only',
    )
  if (typeof rows === 'number' && rows > 1)
    throw new Refused(
      `input '${input.name}' takes exactly ${rows} rows at a time. Export it with a dynamic first dimension: ` +
        "FloatTensorType([None, width]), or dynamic_axes={'input': {0: 'N'}} from PyTorch",
    )
  return { input: input.name, width, single: rows === 1 }
}

/**
 * The output with the scores: the named one, else the only one that can hold scores, else the only one that is named
 * after probabilities.
 * @param {readonly Value[]} outputs @param {string | undefined} named
 */
export function outputOf(outputs, named) {
  const usable = outputs.filter(holdsNumbers)
  const probable = usable.filter(({ name }) => /prob/i.test(name))
  const chosen = usable.length === 1 ? usable : probable
  if (named !== undefined) {
    const found = outputs.find(({ name }) => name === named)
    if (found === undefined)
      throw new Refused(`the model has no output '${named}'; it has ${listed(outputs)}. Correct the manifest's output`)
    if (!holdsNumbers(found)) throw new Refused(unusable([found], chosen[0]))
    return shaped(found)
  }
  if (usable.length === 0) throw new Refused(unusable(outputs, undefined))
  if (chosen.length !== 1)
    throw new Refused(
      `several outputs can be the score (${listed(usable)}). Name the one with probabilities in the manifest's ` +
        "output, or call it 'probabilities'",
    )
  return shaped(/** @type {TensorValue} */ (chosen[0]))
}

/** @param {Value} value @returns {value is TensorValue} */
const holdsNumbers = (value) => value.isTensor && floats.includes(value.type)

/** @param {TensorValue} output */
function shaped(output) {
  const columns = output.shape.length < 2 ? 1 : output.shape.at(-1)
  if (output.shape.length > 2)
    throw new Refused(`output '${output.name}' has ${output.shape.length} dimensions. Export one score a row: [N, 1]`)
  if (typeof columns === 'number' && columns > 2) throw new Refused(classes(output.name, columns))
  return output.name
}

/** @param {string} output @param {number} columns */
export const classes = (output, columns) =>
  `output '${output}' has ${columns} columns a row, so which one is the score is open. Train on two classes, or ` +
  'export the column of the positive class alone: [N, 1]'

/** Why none of the outputs can be the score. @param {readonly Value[]} outputs @param {Value | undefined} better */
function unusable(outputs, better) {
  const maps = outputs.find(({ isTensor }) => !isTensor)
  if (better !== undefined)
    return (
      `output '${outputs[0]?.name ?? ''}' is ${typeOf(outputs[0])}. The scores are in '${better.name}': make that ` +
      "the manifest's output"
    )
  if (maps !== undefined)
    return (
      `output '${maps.name}' is a list of maps (ZipMap), not a tensor. Export it without ZipMap: ` +
      "options={'zipmap': False} in skl2onnx, zipmap=False in onnxmltools; remove the node of a CatBoost model, as " +
      'docs/models.md shows'
    )
  const half = outputs.find((output) => output.isTensor && output.type === 'float16')
  if (half !== undefined)
    return (
      `output '${half.name}' is float16. Export it as float32: keep_io_types=True in convert_float_to_float16, ` +
      'or .float() at the end of a PyTorch module'
    )
  return (
    `the model has only labels (${outputs.map((one) => `'${one.name}' ${typeOf(one)}`).join(', ')}). Export its ` +
    'probabilities: keep the output of predict_proba, or use a classifier'
  )
}

/** @param {Value | undefined} value */
const typeOf = (value) => (value?.isTensor === true ? value.type : 'a list of maps (ZipMap)')

/** @param {readonly Value[]} values */
const listed = (values) => values.map(({ name }) => `'${name}'`).join(', ') || 'none'
