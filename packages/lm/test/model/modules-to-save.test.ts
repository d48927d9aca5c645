import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { readAdapterFolder } from '../../src/checkpoint/peft.js'
import { openLanguageModel, readWeights } from '../../src/generate/language-model.js'
import { fitAdapter } from '../../src/model/fit-adapter.js'
import { wholeParameters } from '../../src/model/lora.js'
import { compileEvaluateStep, compileTrainStep, type TuningMethod } from '../../src/model/train-step.js'
import { llamaTraining } from '../../src/train/llama-training.js'
import { wordModel } from '../generate/word-model.js'
import { adamw, gradients, pack, packedShape, readAll, tinyLlama, type MethodGolden } from './golden.js'

// The tolerances that tests/golden/modules_to_save.py states.
const LOSS = 1e-5
const GRADIENT = 1e-4
const TRACE = 2e-4

const folder = (name: string) => fileURLToPath(new URL(`../../../../tests/golden/modules-to-save/${name}`, import.meta.url))
const close = (got: number, expected: number, tolerance: number, what: string) =>
  assert.ok(Math.abs(got - expected) <= tolerance, `${what}: ${got}, expected ${expected} ± ${tolerance}`)

const cases = [
  { name: 'untied-both', base: 'untied', modules: ['embed_tokens', 'lm_head'] },
  { name: 'untied-head', base: 'untied', modules: ['lm_head'] },
  { name: 'untied-norms', base: 'untied', modules: ['norm'] },
  { name: 'tied', base: 'tied', modules: ['embed_tokens'] },
] as const

for (const { name, base, modules } of cases) {
  test(`${name}: loss, gradients and ten steps of AdamW are PEFT's, and the merged model has the loss of the adapted one`, async () => {
    const { config, weights, golden: { sequences, adamw: optimizer } } = await tinyLlama(base)
    const golden = JSON.parse(readFileSync(`${folder(name)}/golden.json`, 'utf8')) as MethodGolden
    const method: TuningMethod = { type: 'lora', rank: 4, alpha: 8, rslora: false, targetModules: 'all-linear', modulesToSave: modules }
    const adapter = await readAdapterFolder(folder(name))
    const step = await compileTrainStep(config, { method, ...packedShape, engine: 'onnx', threads: 1 })
    const read = { ...pack(sequences), ...await readAll(weights), ...await readAll(adapter.weights) }
    // The rest of the base is not asked for, nor is the head that PEFT stores beside a tied embedding.
    const feeds = Object.fromEntries(step.executable.inputs.map(i => [i.name, read[i.name]!]))
    const out = await step.executable.run(feeds)
    close(out['loss']![0]!, golden.loss_sum, LOSS * golden.loss_sum, 'loss')
    const got = gradients(step, out, feeds['ids'] as Int32Array)
    assert.equal(Object.keys(got).sort(), Object.keys(golden.gradients).sort())
    for (const [parameter, expected] of Object.entries(golden.gradients)) {
      const values = got[parameter]!
      close(Math.hypot(...values), expected.norm, GRADIENT * expected.norm, `norm of ${parameter}`)
      for (const [i, value] of expected.entries) close(values[i]!, value, GRADIENT * expected.largest, `${parameter}[${i}]`)
    }

    const { dir, remove } = await wordModel(`llama-tiny-${base}`)
    const merged = await readWeights(await openLanguageModel({ dir, adapterDir: folder(name) }))
    await remove()
    const evaluate = await compileEvaluateStep(config, { method: { type: 'full' }, ...packedShape, engine: 'onnx', threads: 1 })
    const loss = (await evaluate.executable.run({ ...pack(sequences), ...Object.fromEntries(merged) }))['loss']![0]!
    close(loss, golden.loss_sum, LOSS * golden.loss_sum, 'merged loss')
    await evaluate.executable.dispose()

    const update = adamw(optimizer)
    const supervised = (golden as MethodGolden & { supervised: number }).supervised
    for (const [i, expected] of golden.trace.entries()) {
      const result = await step.executable.run(feeds)
      close(result['loss']![0]! / supervised, expected, TRACE * expected, `loss before step ${i + 1}`)
      const now = gradients(step, result, feeds['ids'] as Int32Array)
      for (const p of step.trainable) update(feeds[p.name] as Float32Array, now[p.name]!.map(g => g / supervised), i + 1)
    }
    await step.executable.dispose()
  })
}

test('modules are chosen as PEFT does, by the end of their names; a tied head and embedding are one', async () => {
  const [{ config: untied }, { config: tied }] = [await tinyLlama('untied'), await tinyLlama('tied')]
  const chosen = (config: typeof tied, ...modulesToSave: string[]) => wholeParameters(config, { targetModules: ['q_proj'], modulesToSave }).map(p => p.base)
  assert.equal(chosen(untied, 'lm_head'), ['lm_head.weight'])
  assert.equal(chosen(untied, 'lm_head', 'model.embed_tokens'), ['model.embed_tokens.weight', 'lm_head.weight'])
  for (const names of [['lm_head'], ['embed_tokens'], ['lm_head', 'embed_tokens']]) assert.equal(chosen(tied, ...names), ['model.embed_tokens.weight'])
  assert.equal(chosen(tied, '0.input_layernorm', 'model.norm'), ['model.layers.0.input_layernorm.weight', 'model.norm.weight'])
  assert.equal(chosen(tied, 'layers.1.mlp.up_proj'), ['model.layers.1.mlp.up_proj.weight'])
  assert.equal(wholeParameters(tied, { targetModules: ['q_proj'], modulesToSave: ['model.norm'] })[0]!.spec, { name: 'base_model.model.model.norm.weight', shape: [32], dtype: 'float32' })
})

test('a module that is not there, or that is adapted, is refused by name', async () => {
  const { config } = await tinyLlama('tied')
  const refused = (modulesToSave: string[], message: RegExp) => assert.throws(() => wholeParameters(config, { targetModules: ['q_proj'], modulesToSave }), (e: Error) => message.test(e.message))
  refused(['head'.repeat(2)], /"modules_to_save" names "headhead", which is none of this model's modules \(embed_tokens, input_layernorm, q_proj, /)
  refused(['q_proj'], /"modules_to_save" names "q_proj", but "model\.layers\.0\.self_attn\.q_proj" is adapted/)
})

test('an adapter that would untie a model, or holds what the model has not, is refused', async () => {
  const [{ config: tied }, { config: untied }] = [await tinyLlama('tied'), await tinyLlama('untied')]
  const refused = async (config: typeof tied, name: string, message: RegExp, changes: object = {}) => {
    const error = await fitAdapter(config, { ...(await readAdapterFolder(folder(name))), ...changes }).then(() => undefined, (e: Error) => e)
    assert.match(error!.message, message)
  }
  await refused(tied, 'untied-both', /gives embedding and head a matrix each, and the model has one for both/)
  await refused(tied, 'untied-head', /gives embedding and head a matrix each/)
  await refused(tied, 'tied', /gives embedding and head a matrix each/, { wholeModules: ['model.embed_tokens'], ensureWeightTying: false })
  await refused({ ...untied, vocabSize: 98 }, 'untied-head', /holds "lm_head" whole as \[97, 32\], the model's is \[98, 32\]/)
  await refused({ ...untied, tiedEmbeddings: false }, 'untied-norms', /holds "model\.other" whole, which the model does not have/, {
    wholeModules: ['model.other'], weights: { ...(await readAdapterFolder(folder('untied-norms'))).weights, shape: (n: string) => (n.includes('other') ? [1] : [4, n.includes('down_proj.lora_A') ? 48 : 32]) }, modules: [],
  })
})

test('what is trained whole starts as the base has it', async () => {
  const { config, weights } = await tinyLlama('untied')
  const model = await llamaTraining({
    config, base: weights, engine: 'onnx', threads: 1, seed: 1,
    method: { type: 'lora', rank: 2, alpha: 4, rslora: false, targetModules: ['q_proj'], modulesToSave: ['lm_head'] },
  })
  const value = new Float32Array(97 * 32)
  await model.initialise('base_model.model.lm_head.weight', value)
  const own = await weights.read('lm_head.weight')
  assert.ok(value.every((x, i) => x === own[i]))
})

test.run()
