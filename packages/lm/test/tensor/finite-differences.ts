import '@tensorflow/tfjs-backend-cpu'
import * as tf from '@tensorflow/tfjs-core'
import * as assert from 'uvu/assert'
import { compileOnnx } from '../../src/tensor/onnx.js'
import { runEager } from '../../src/tensor/eager.js'
import { trace, type ProgramDefinition } from '../../src/tensor/trace.js'
import type { TensorSpec } from '../../src/tensor/types.js'

export interface Case {
  /** Values of the differentiable inputs; those not given are drawn from a fixed sequence in ±1. */
  readonly inputs: Readonly<Record<string, readonly number[] | { shape: readonly number[]; values: readonly number[] }>>
  /** May give any shape; the check is of the sum of its elements times fixed random numbers. */
  readonly f: (x: Readonly<Record<string, tf.Tensor>>) => tf.Tensor
}

/** Numbers in ±1 that are the same in every run. */
export function sequence(seed: number): () => number {
  let state = seed
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return state / 2 ** 31 - 1
  }
}

const STEP = 0.01

/**
 * Checks that the gradients of `f` are its finite differences (central, extrapolated; to 2e-3 of the largest), that values and
 * gradients of the compiled program are those of tfjs-cpu (to 1e-5 of the largest).
 */
export async function checkGradients({ inputs, f }: Case): Promise<void> {
  const next = sequence(12345)
  const specs: TensorSpec[] = []
  const feeds: Record<string, Float32Array> = {}
  for (const [name, given] of Object.entries(inputs)) {
    const shape = 'shape' in given ? given.shape : given
    const size = shape.reduce((a, b) => a * b, 1)
    specs.push({ name, shape, dtype: 'float32' })
    feeds[name] = 'shape' in given ? Float32Array.from(given.values) : Float32Array.from({ length: size }, next)
  }
  const names = specs.map(s => s.name)
  const loss = (...args: tf.Tensor[]): tf.Scalar => {
    const y = f(Object.fromEntries(names.map((name, i) => [name, args[i] as tf.Tensor])))
    const random = sequence(999)
    return tf.sum(tf.mul(y, tf.tensor(Float32Array.from({ length: y.size }, random), y.shape)))
  }
  const withGradients: ProgramDefinition = {
    inputs: specs,
    build: input => {
      const { value, grads } = tf.valueAndGrads(loss)(names.map(input))
      return { value, ...Object.fromEntries(names.map((name, i) => [`d ${name}`, grads[i] as tf.Tensor])) }
    },
  }
  const valueAlone: ProgramDefinition = { inputs: specs, build: input => ({ value: loss(...names.map(input)) }) }
  const compiled = await compileOnnx(trace(withGradients), { threads: 2 })
  const got = await compiled.run(feeds)
  const expected = await runEager(withGradients, 'cpu').run(feeds)
  for (const [name, values] of Object.entries(expected)) {
    const largest = Math.max(...Array.from(values, Math.abs))
    values.forEach((v, i) => assert.ok(Math.abs(v - (got[name]?.[i] as number)) <= 1e-5 * Math.max(largest, 1e-3), `${name}[${i}]: compiled ${got[name]?.[i]}, tfjs-cpu ${v}`))
  }
  await compiled.dispose()

  const value = await compileOnnx(trace(valueAlone), { threads: 1 })
  for (const name of names) {
    const x = feeds[name] as Float32Array
    const gradient = got[`d ${name}`] as Float32Array
    const largest = Math.max(...gradient.map(Math.abs))
    assert.ok(largest > 0, `${name} has a gradient`)
    for (let i = 0; i < x.length; i++) {
      const at = async (offset: number): Promise<number> => {
        const moved = x.slice()
        moved[i] = (x[i] as number) + offset
        return (await value.run({ ...feeds, [name]: moved }))['value']?.[0] as number
      }
      const slope = async (h: number): Promise<number> => (await at(h) - await at(-h)) / (2 * h)
      const numeric = (4 * await slope(STEP) - await slope(2 * STEP)) / 3
      assert.ok(Math.abs(numeric - (gradient[i] as number)) <= 2e-3 * largest, `d ${name}[${i}]: ${gradient[i]}, by finite differences ${numeric}`)
    }
  }
  await value.dispose()
}
