import * as tf from '@tensorflow/tfjs-core'
import { normalAxes } from './kernels/register.js'

// tfjs-core's gradients live in files that Node cannot load one by one: its CommonJS entry leaves them out, and its ES modules are
// not importable without a bundler. These are the ones that model code needs; whatever else is loaded into the process and has
// registered its own goes first.
type Saved = readonly tf.Tensor[]
type Attrs = Readonly<Record<string, unknown>>

interface Rule {
  readonly inputs?: readonly string[]
  readonly output?: true
  /** All inputs are saved; for those that take a list. */
  readonly all?: true
  readonly of: (dy: tf.Tensor & tf.Tensor[], saved: Saved, attrs: Attrs) => Readonly<Record<string, () => tf.Tensor>>
}

function gradient(kernelName: string, rule: Rule): void {
  if (tf.getGradient(kernelName)) return
  tf.registerGradient({
    kernelName,
    ...(rule.inputs ? { inputsToSave: [...rule.inputs] } : {}),
    ...(rule.output ? { outputsToSave: [true] } : {}),
    ...(rule.all ? { saveAllInputs: true } : {}),
    gradFunc: ((dy: tf.Tensor & tf.Tensor[], saved: tf.Tensor[], attrs: object) => rule.of(dy, saved, attrs as Attrs)) as never,
  })
}

/** Sums a gradient over the axes along which an operand of `shape` was broadcast. */
function unbroadcast(dy: tf.Tensor, shape: readonly number[]): tf.Tensor {
  const offset = dy.shape.length - shape.length
  const axes = dy.shape.flatMap((d, i) => (i < offset || (shape[i - offset] === 1 && d !== 1) ? [i] : []))
  return tf.reshape(axes.length ? tf.sum(dy, axes) : dy, [...shape])
}

const at = (saved: Saved, i: number): tf.Tensor => saved[i] as tf.Tensor
/** A gradient through one input `x`. */
const through = (of: (dy: tf.Tensor, saved: Saved, attrs: Attrs) => tf.Tensor): Rule['of'] => (dy, saved, attrs) => ({ x: () => of(dy, saved, attrs) })

const both = ['a', 'b']
gradient('Add', { inputs: both, of: (dy, s) => ({ a: () => unbroadcast(dy, at(s, 0).shape), b: () => unbroadcast(dy, at(s, 1).shape) }) })
gradient('Sub', { inputs: both, of: (dy, s) => ({ a: () => unbroadcast(dy, at(s, 0).shape), b: () => unbroadcast(tf.neg(dy), at(s, 1).shape) }) })
gradient('Multiply', {
  inputs: both,
  of: (dy, s) => ({
    a: () => unbroadcast(tf.mul(dy, tf.cast(at(s, 1), 'float32')), at(s, 0).shape),
    b: () => unbroadcast(tf.mul(dy, tf.cast(at(s, 0), 'float32')), at(s, 1).shape),
  }),
})
gradient('RealDiv', {
  inputs: both,
  of: (dy, s) => ({
    a: () => unbroadcast(tf.div(dy, at(s, 1)), at(s, 0).shape),
    b: () => unbroadcast(tf.neg(tf.div(tf.mul(dy, at(s, 0)), tf.square(at(s, 1)))), at(s, 1).shape),
  }),
})
gradient('AddN', { all: true, of: (dy, s) => Object.fromEntries(s.map((_, i) => [String(i), () => tf.clone(dy)])) })

gradient('Exp', { output: true, of: through((dy, s) => tf.mul(dy, at(s, 0))) })
gradient('Log', { inputs: ['x'], of: through((dy, s) => tf.div(dy, at(s, 0))) })
gradient('Sqrt', { output: true, of: through((dy, s) => tf.div(dy, tf.mul(at(s, 0), 2))) })
gradient('Rsqrt', { output: true, of: through((dy, s) => tf.mul(dy, tf.mul(tf.mul(tf.square(at(s, 0)), at(s, 0)), -0.5))) })
gradient('Square', { inputs: ['x'], of: through((dy, s) => tf.mul(dy, tf.mul(at(s, 0), 2))) })
gradient('Neg', { of: through(dy => tf.neg(dy)) })
gradient('Tanh', { output: true, of: through((dy, s) => tf.mul(dy, tf.sub(1, tf.square(at(s, 0))))) })
gradient('Sigmoid', { output: true, of: through((dy, s) => tf.mul(dy, tf.mul(at(s, 0), tf.sub(1, at(s, 0))))) })
gradient('Erf', { inputs: ['x'], of: through((dy, s) => tf.mul(dy, tf.mul(tf.exp(tf.neg(tf.square(at(s, 0)))), 2 / Math.sqrt(Math.PI)))) })
gradient('Relu', { inputs: ['x'], of: through((dy, s) => tf.mul(dy, tf.cast(tf.greater(at(s, 0), 0), 'float32'))) })
gradient('Identity', { of: through(dy => tf.cast(dy, 'float32')) })
gradient('Cast', { of: through(dy => tf.clone(dy)) })

/** Puts the reduced axes back with size 1. */
const unreduced = (dy: tf.Tensor, x: tf.Tensor, attrs: Attrs): tf.Tensor => {
  const axes = normalAxes((attrs['axis'] ?? attrs['reductionIndices']) as number[] | undefined, x.shape.length)
  return tf.reshape(dy, x.shape.map((d, i) => (axes.includes(i) ? 1 : d)))
}
gradient('Sum', { inputs: ['x'], of: through((dy, s, attrs) => tf.broadcastTo(unreduced(dy, at(s, 0), attrs), at(s, 0).shape)) })
gradient('Mean', {
  inputs: ['x'],
  of: through((dy, s, attrs) => {
    const x = at(s, 0)
    return tf.broadcastTo(tf.mul(unreduced(dy, x, attrs), dy.size / x.size), x.shape)
  }),
})
gradient('Max', {
  inputs: ['x'], output: true,
  of: through((dy, s, attrs) => {
    const x = at(s, 0)
    return tf.mul(unreduced(dy, x, attrs), tf.cast(tf.equal(x, unreduced(at(s, 1), x, attrs)), 'float32'))
  }),
})
gradient('Softmax', {
  output: true,
  of: (dy, s, attrs) => ({
    logits: () => {
      const y = at(s, 0)
      const dyy = tf.mul(dy, y)
      return tf.sub(dyy, tf.mul(tf.sum(dyy, attrs['dim'] as number, true), y))
    },
  }),
})
gradient('LogSoftmax', {
  output: true,
  of: (dy, s, attrs) => ({ logits: () => tf.sub(dy, tf.mul(tf.sum(dy, attrs['axis'] as number, true), tf.exp(at(s, 0)))) }),
})

gradient('Reshape', { inputs: ['x'], of: through((dy, s) => tf.reshape(dy, at(s, 0).shape)) })
gradient('ExpandDims', { inputs: ['input'], of: (dy, s) => ({ input: () => tf.reshape(dy, at(s, 0).shape) }) })
gradient('Transpose', {
  of: through((dy, _, attrs) => {
    const perm = attrs['perm'] as number[]
    return tf.transpose(dy, perm.map((_, i) => perm.indexOf(i)))
  }),
})
gradient('Slice', {
  inputs: ['x'],
  of: through((dy, s, attrs) => {
    const begin = attrs['begin'] as number[]
    return tf.pad(dy, at(s, 0).shape.map((d, i): [number, number] => [begin[i] as number, d - (begin[i] as number) - (dy.shape[i] as number)]))
  }),
})
gradient('Concat', {
  all: true,
  of: (dy, s, attrs) => {
    const [axis] = normalAxes(attrs['axis'] as number, at(s, 0).shape.length) as [number]
    let start = 0
    return Object.fromEntries(s.map((t, i) => {
      const begin = t.shape.map((_, a) => (a === axis ? start : 0))
      start += t.shape[axis] as number
      return [String(i), () => tf.slice(dy, begin, t.shape)]
    }))
  },
})
gradient('SplitV', { of: (dy, _, attrs) => ({ x: () => tf.concat(dy, attrs['axis'] as number) }) })
gradient('Tile', {
  inputs: ['x'],
  of: through((dy, s, attrs) => {
    const x = at(s, 0)
    const reps = attrs['reps'] as number[]
    const parts = tf.reshape(dy, x.shape.flatMap((d, i) => [reps[i] as number, d]))
    return tf.sum(parts, x.shape.map((_, i) => 2 * i))
  }),
})
gradient('GatherV2', {
  inputs: ['x', 'indices'],
  of: (dy, s, attrs) => ({
    x: () => {
      const x = at(s, 0)
      const indices = at(s, 1)
      if (normalAxes(attrs['axis'] as number, x.shape.length)[0] !== 0) throw new Error('gather has a gradient along axis 0 alone.')
      return tf.unsortedSegmentSum(tf.reshape(dy, [indices.size, ...x.shape.slice(1)]), tf.reshape(indices, [indices.size]) as tf.Tensor1D, x.shape[0] as number)
    },
    indices: () => tf.zerosLike(at(s, 1)),
  }),
})
gradient('Select', {
  inputs: ['condition'],
  of: (dy, s) => ({
    condition: () => tf.zerosLike(tf.cast(at(s, 0), 'float32')),
    t: () => tf.mul(dy, tf.cast(at(s, 0), 'float32')),
    e: () => tf.mul(dy, tf.cast(tf.logicalNot(at(s, 0)), 'float32')),
  }),
})
gradient('BatchMatMul', {
  inputs: both,
  of: (dy, s, attrs) => {
    const [a, b] = [at(s, 0), at(s, 1)]
    switch (`${attrs['transposeA'] ? 'T' : 'N'}${attrs['transposeB'] ? 'T' : 'N'}`) {
      case 'NN': return { a: () => tf.matMul(dy, b, false, true), b: () => tf.matMul(a, dy, true, false) }
      case 'NT': return { a: () => tf.matMul(dy, b, false, false), b: () => tf.matMul(dy, a, true, false) }
      case 'TN': return { a: () => tf.matMul(b, dy, false, true), b: () => tf.matMul(a, dy, false, false) }
      default: return { a: () => tf.matMul(b, dy, true, true), b: () => tf.matMul(dy, a, true, true) }
    }
  },
})
