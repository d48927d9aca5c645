import type { Executable, TensorData, TensorSpec } from '../../src/tensor/types.js'
import type { TokenRows } from '../../src/text/types.js'
import type { StepShape } from '../../src/train/shapes.js'
import type { TrainableModel } from '../../src/train/trainable-model.js'

const vocabulary = 12
const table = 'table.weight'
const bias = 'head.bias'

/** Loss and gradients of softmax(table[previous token] + bias), in plain numbers; the table's gradient comes as rows. */
function program(shape: StepShape, gradients: boolean): Executable {
  const positions = shape.batch * shape.length
  const spec = (name: string, ...size: number[]): TensorSpec => ({ name, shape: size, dtype: 'float32' })
  return {
    inputs: [],
    outputs: [spec('loss'), ...(gradients ? [spec('grad:head.bias', vocabulary), spec('rows', positions, vocabulary)] : [])],
    async run(feeds, into = {}) {
      const f = feeds as Record<string, TensorData> & { ids: Int32Array; segments: Int32Array }
      if (f.ids.length !== positions || f.select!.length !== shape.supervised) throw new Error('feeds of another shape')
      const [W, b] = [f[table]!, f[bias]!]
      const rows = new Float32Array(positions * vocabulary)
      const dBias = (into['grad:head.bias'] ?? new Float32Array(vocabulary)) as Float32Array
      dBias.fill(0)
      let loss = 0
      f.select!.forEach((at, s) => {
        const weight = f.weights![s]!
        if (weight === 0) return
        if (f.segments[at] === 0 || f.segments[at] !== f.segments[at + 1]) throw new Error('a target of another row')
        const logits = Array.from({ length: vocabulary }, (_, v) => W[f.ids[at]! * vocabulary + v]! + b[v]!)
        const top = Math.max(...logits)
        const sum = logits.reduce((n, x) => n + Math.exp(x - top), 0)
        loss += weight * (Math.log(sum) + top - logits[f.targets![s]!]!)
        logits.forEach((x, v) => {
          const d = weight * (Math.exp(x - top) / sum - (v === f.targets![s] ? 1 : 0))
          rows[at * vocabulary + v]! += d
          dBias[v]! += d
        })
      })
      return { loss: Float32Array.of(loss), ...(gradients && { 'grad:head.bias': dBias, rows }) }
    },
    async dispose() {},
  }
}

/** The smallest language model there is, to test the loop around it. `compiled` lists the shapes asked for. */
export function bigram(): TrainableModel & { readonly compiled: StepShape[] } {
  const compiled: StepShape[] = []
  return {
    compiled,
    trainable: [{ name: table, shape: [vocabulary, vocabulary], dtype: 'float32' }, { name: bias, shape: [vocabulary], dtype: 'float32' }],
    frozen: {},
    gradientName: name => (name === bias ? 'grad:head.bias' : undefined),
    lookup: { parameter: table, output: 'rows', width: vocabulary },
    vocabularySize: vocabulary,
    tokenCost: 1,
    supervisedCost: 1,
    compileTrain: async shape => (compiled.push(shape), program(shape, true)),
    compileEvaluate: async shape => program(shape, false),
    initialise: async (name, value) => { value.forEach((_, i) => (value[i] = name === table ? Math.sin(i) : 0)) },
  }
}

/** Rows that count up by one, modulo 10, from a start of their own. */
export function countingRows(count: number): TokenRows {
  const offsets = [0]
  const ids: number[] = []
  const mask: number[] = []
  for (let row = 0; row < count; row++) {
    const length = 4 + ((row * 7) % 9)
    for (let i = 0; i < length; i++) {
      ids.push((row + i) % 10)
      mask.push(i < 2 ? 0 : 1)
    }
    offsets.push(ids.length)
  }
  return { ids: Int32Array.from(ids), mask: Uint8Array.from(mask), offsets, exampleIds: Array.from({ length: count }, (_, i) => `row${i}`) }
}
