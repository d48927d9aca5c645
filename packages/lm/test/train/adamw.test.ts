import { readFileSync } from 'node:fs'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { assemble } from '../../scripts/build-kernels.js'
import { addRows, addToSums, adamwDefaults, adamwStep, clearSums, gradientNorm } from '../../src/train/adamw.js'
import { clipScale } from '../../src/train/clip.js'
import { kernelBytes } from '../../src/train/kernels.js'
import { allocateParameters, decays } from '../../src/train/parameters.js'

type Tensors = Record<string, number[]>
const golden = JSON.parse(readFileSync(new URL('../../../../tests/golden/adamw.json', import.meta.url), 'utf8')) as {
  shapes: Record<string, number[]>
  rates: number[]
  start: Tensors
  gradients: Tensors[]
  cases: { weightDecay: number; maxNorm: number; norms: number[]; after: Tensors[] }[]
}
// Six steps of float32 in the same order of operations; PyTorch may fuse a multiplication with an addition.
const tolerance = 2e-6

/** AdamW in plain numbers, rounded to float32 where PyTorch rounds. */
function reference(p: Float32Array, g: Float32Array, m: Float32Array, v: Float32Array, o: { step: number; lr: number; decay: number; scale: number }) {
  const f = Math.fround
  for (let i = 0; i < p.length; i++) {
    const x = f(g[i]! * f(o.scale))
    m[i] = f(m[i]! + f(f(1 - 0.9) * f(x - m[i]!)))
    v[i] = f(f(v[i]! * f(0.999)) + f(f(f(1 - 0.999) * x) * x))
    const denominator = f(f(f(Math.sqrt(v[i]!)) / f(Math.sqrt(1 - 0.999 ** o.step))) + f(1e-8))
    p[i] = f(f(p[i]! * f(1 - o.lr * o.decay)) + f(f(f(-(o.lr / (1 - 0.9 ** o.step))) * m[i]!) / denominator))
  }
}

const numbers = (n: number, seed: number) => Float32Array.from({ length: n }, (_, i) => Math.fround(Math.sin(seed * 7919 + i * 1.37) * 2))

test('the checked-in kernels are the bytes of kernels.wat', async () => {
  assert.is(kernelBytes, (await assemble()).toString('base64'))
})

for (const { weightDecay, maxNorm, norms, after } of golden.cases) {
  test(`six steps equal torch.optim.AdamW with decay ${weightDecay} and clipping at ${maxNorm}`, () => {
    const parameters = allocateParameters(Object.entries(golden.shapes).map(([name, shape]) => ({ name, shape, dtype: 'float32' as const })), { accumulate: false })
    for (const p of parameters) p.value.set(golden.start[p.name]!)
    golden.gradients.forEach((gradient, i) => {
      for (const p of parameters) p.gradient.set(gradient[p.name]!)
      const norm = gradientNorm(parameters, 1)
      assert.ok(Math.abs(norm / norms[i]! - 1) < 1e-6, `norm ${norm} of step ${i}, PyTorch has ${norms[i]}`)
      adamwStep(parameters, { ...adamwDefaults, weightDecay, step: i + 1, learningRate: golden.rates[i]!, scale: clipScale(norm, maxNorm) })
      for (const p of parameters) p.value.forEach((x, k) => assert.ok(Math.abs(x - after[i]![p.name]![k]!) <= tolerance, `${p.name}[${k}] after step ${i}: ${x}, PyTorch has ${after[i]![p.name]![k]}`))
    })
  })
}

test('the kernel gives the very bits of the formula, also for sizes that are no multiple of a vector', () => {
  for (const n of [1, 3, 4, 5, 16, 17, 1001]) {
    const [p] = allocateParameters([{ name: 'w.weight', shape: [n], dtype: 'float32' }], { accumulate: false })
    const [value, m, v] = [numbers(n, 1), new Float32Array(n), new Float32Array(n)]
    p!.value.set(value)
    for (let step = 1; step <= 5; step++) {
      const g = numbers(n, step + 10)
      p!.gradient.set(g)
      adamwStep([p!], { ...adamwDefaults, weightDecay: 0.05, step, learningRate: 0.01 * step, scale: 0.37 })
      reference(value, g, m, v, { step, lr: 0.01 * step, decay: 0.05, scale: 0.37 })
    }
    assert.equal(p!.value, value)
    assert.equal(p!.m, m)
    assert.equal(p!.v, v)
  }
})

test('parameters in several heaps come out as in one', () => {
  const specs = [40, 33, 7, 64].map((n, i) => ({ name: `w${i}.weight`, shape: [n], dtype: 'float32' as const }))
  const run = (heapBytes?: number) => {
    const parameters = allocateParameters(specs, { accumulate: true, ...(heapBytes && { heapBytes }) })
    parameters.forEach((p, i) => p.value.set(numbers(p.elements, i)))
    for (let step = 1; step <= 3; step++) {
      clearSums(parameters)
      for (let micro = 0; micro < 2; micro++) {
        parameters.forEach((p, i) => p.gradient.set(numbers(p.elements, i + 10 * step + micro)))
        addToSums(parameters)
      }
      adamwStep(parameters, { ...adamwDefaults, step, learningRate: 0.01, scale: clipScale(gradientNorm(parameters, 0.5), 1) * 0.5 })
    }
    return { values: parameters.map(p => [...p.value]), heaps: new Set(parameters.map(p => p.heap)).size }
  }
  const one = run()
  // 48, 48 + 16 and 64 elements with their padding, five arrays each.
  const many = run(5 * 4 * 64)
  assert.is(one.heaps, 1)
  assert.is(many.heaps, 3)
  assert.equal(many.values, one.values)
})

test('a tensor that no heap holds is refused by name', () => {
  assert.throws(() => allocateParameters([{ name: 'model.embed_tokens.weight', shape: [1000, 100], dtype: 'float32' }], { accumulate: false, heapBytes: 1 << 20 }), /"model\.embed_tokens\.weight" has 100,000 elements/)
})

test('a tensor that lies above 2 GiB in its heap is updated like any other', () => {
  const specs = (before: number[]) => [...before, 37].map((n, i) => ({ name: `w${i}.weight`, shape: [n], dtype: 'float32' as const }))
  const updated = (before: number[]) => {
    // What stands before is never touched, so that it takes no memory.
    const p = allocateParameters(specs(before), { accumulate: true }).at(-1)!
    p.value.set(numbers(37, 1))
    p.gradient.set(numbers(37, 2))
    addToSums([p])
    adamwStep([p], { ...adamwDefaults, step: 1, learningRate: 0.1, scale: 1 / gradientNorm([p], 1) })
    return { at: p.value.byteOffset, values: [...p.value] }
  }
  const [low, high] = [updated([]), updated([150_000_000])]
  assert.ok(high.at > 2 ** 31)
  assert.equal(high.values, low.values)
})

test('the norm of gradients is not finite when one element is not', () => {
  for (const bad of [NaN, Infinity, -Infinity]) {
    const [p] = allocateParameters([{ name: 'w', shape: [37], dtype: 'float32' }], { accumulate: false })
    p!.gradient.set(numbers(37, 2))
    assert.ok(Number.isFinite(gradientNorm([p!], 1)))
    p!.gradient[35] = bad
    assert.not(Number.isFinite(gradientNorm([p!], 1)))
    p!.gradient[35] = 3e38
    assert.ok(Number.isFinite(gradientNorm([p!], 1)))
  }
})

test('rows of a lookup add up where ids repeat', () => {
  const width = 3
  const to = new Float32Array(4 * width).fill(0.5)
  addRows(to, Float32Array.from({ length: 5 * width }, (_, i) => i), Int32Array.of(2, 0, 2, 2, 3), width)
  assert.equal([...to], [3.5, 4.5, 5.5, 0.5, 0.5, 0.5, 15.5, 18.5, 21.5, 12.5, 13.5, 14.5])
})

test('decay falls on matrices and embeddings, not on biases and norms', () => {
  for (const name of ['model.embed_tokens.weight', 'model.layers.0.self_attn.q_proj.weight', 'lm_head.weight', 'base_model.model.model.layers.0.mlp.up_proj.lora_A.weight', 'transformer.wte.weight']) assert.ok(decays(name), name)
  for (const name of ['model.norm.weight', 'model.layers.0.input_layernorm.weight', 'model.layers.0.post_attention_layernorm.weight', 'model.layers.1.self_attn.q_norm.weight', 'h.0.attn.c_attn.bias', 'transformer.h.0.ln_1.weight', 'transformer.ln_f.weight', 'gpt_neox.final_layer_norm.weight']) assert.not(decays(name), name)
})

test.run()
