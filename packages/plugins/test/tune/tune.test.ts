import { fileURLToPath } from 'node:url'
import type { NamedInputs } from 'hone-engine'
import { cpSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { loadGenerator, openLanguageModel, openModelFolder, openSafetensors, readAdapterFolder, readTokens, writeTokens } from 'hone-lm'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { fillWithNaN } from '../../../lm/test/generate/word-model.js'
import { full } from '../../src/tune/full.js'
import { firstAnswer } from '../../src/tune/held-out-question.js'
import { lora } from '../../src/tune/lora.js'
import { runStage, StageFailed } from '../context.js'
import { baseModel, configJson, folder, root, tokenizerDir, tokensFolder } from './fixtures.js'

const [model, tokens] = [await baseModel(), await tokensFolder()]
const quick = { learning_rate: 0.01, epochs: 4 }
const run = (stage: typeof full | typeof lora, params: Record<string, unknown> = {}, inputs: Record<string, string> = {}, more: object = {}) =>
  runStage(stage, { inputs: { tokens, model, ...inputs }, params: { ...quick, ...params }, seed: 5, ...more })
const json = (path: string) => JSON.parse(readFileSync(path, 'utf8')) as Record<string, unknown>
const fails = async (promise: Promise<unknown>, message: RegExp, param?: string) => {
  const error = await promise.then(() => undefined, (e: unknown) => e)
  assert.instance(error, StageFailed)
  assert.match((error as StageFailed).message, message)
  if (param) assert.is((error as StageFailed).param, param)
}
const bytesOf = (dir: string) => Object.fromEntries(readdirSync(dir).sort().map(name => [name, readFileSync(join(dir, name)).toString('base64')]))

test.after(() => rmSync(root, { recursive: true }))

for (const stage of [full, lora]) {
  test(`${stage.id} lowers the held-out loss and writes a model folder that opens whole`, async () => {
    const ran = await run(stage)
    const metrics = json(ran.paths.metrics!) as Record<string, number>
    assert.is(metrics.steps, 12)
    assert.ok(metrics.eval_loss! < 0.95 * metrics.eval_loss_before!, JSON.stringify(metrics))
    assert.equal(ran.metrics, metrics)
    assert.equal(Object.keys(metrics).filter(name => /second|time|duration/.test(name)), [])
    assert.equal([...new Set(ran.curves.map(c => c.name))].sort(), ['eval_loss', 'gradient_norm', 'learning_rate', 'loss', 'perplexity', 'tokens_per_second'])
    const opened = await openLanguageModel({ dir: ran.paths.model! })
    const { info } = await readTokens(tokens)
    assert.is(opened.template.digest, info.template_digest)
    assert.equal(json(join(ran.paths.model!, 'generation_config.json')), { eos_token_id: [0, 2], temperature: 0.5 })
    assert.equal(json(join(ran.paths.model!, 'config.json')), { ...configJson, dtype: 'float32' })
    assert.is(metrics.trained_parameters, opened.weights.names.reduce((n, name) => n + opened.weights.shape(name).reduce((a, b) => a * b), 0) * (stage === full ? 1 : 0) + (stage === lora ? loraParameterCount : 0))
  })
}
// Rank 8: q and o 16×16, k and v 8×16, gate and up 24×16, down 16×24, in two layers.
const loraParameterCount = 2 * 8 * (2 * 32 + 2 * 24 + 3 * 40)

test('tune/lora leaves an adapter that PEFT’s format describes, and its base and layers', async () => {
  const ran = await runStage(lora, { inputs: { tokens, model: { path: model, reference: './models/base', digest: 'abc' } as never }, params: { ...quick, rank: 4, alpha: 4, rslora: true, target_modules: ['q_proj', 'v_proj'] } })
  const adapter = await readAdapterFolder(ran.paths.adapter!)
  assert.is(adapter.base, './models/base')
  assert.equal([adapter.rank, adapter.alpha, adapter.rslora, adapter.targetModules], [4, 4, true, ['q_proj', 'v_proj']])
  assert.equal(adapter.modules, [0, 1].flatMap(i => ['q_proj', 'v_proj'].map(m => `model.layers.${i}.self_attn.${m}`)))
  assert.is(json(join(ran.paths.adapter!, 'hone.json')).base_digest, 'abc')
  const [merged, base] = [await openModelFolder(ran.paths.model!), await openModelFolder(model)]
  const changed = []
  for (const name of base.weights.names) if (Buffer.compare(Buffer.from((await base.weights.read(name)).buffer), Buffer.from((await merged.weights.read(name)).buffer)) !== 0) changed.push(name)
  assert.equal(changed.sort(), adapter.modules.map(m => `${m}.weight`))
})

for (const tied of [true, false]) {
  test(`tune/lora trains ${tied ? 'the one matrix of a tied' : 'a separate'} embedding and head whole: adapter and merged model say the same, and one goes on from it`, async () => {
    const base = tied ? model : await baseModel('float32', { tie_word_embeddings: false })
    const modules_to_save = tied ? ['lm_head'] : ['lm_head', 'embed_tokens']
    const ran = await run(lora, { modules_to_save }, { model: base })
    const adapter = await readAdapterFolder(ran.paths.adapter!)
    assert.equal(adapter.wholeModules, ['lm_head', 'model.embed_tokens'])
    const config = json(join(ran.paths.adapter!, 'adapter_config.json'))
    assert.equal([config.modules_to_save, config.ensure_weight_tying], tied ? [['model.embed_tokens'], true] : [modules_to_save, undefined])
    const [merged, onTop] = [await openLanguageModel({ dir: ran.paths.model! }), await openLanguageModel({ dir: base, adapterDir: ran.paths.adapter! })]
    assert.is(merged.config.tiedEmbeddings, tied)
    const untrained = await openModelFolder(base)
    for (const name of untrained.weights.names) assert.is(Buffer.compare(Buffer.from((await merged.weights.read(name)).buffer), Buffer.from((await onTop.weights.read(name)).buffer)), 0, name)
    assert.not.equal(await merged.weights.read('model.embed_tokens.weight'), await untrained.weights.read('model.embed_tokens.weight'))
    const inputs = { model: base, adapter: ran.paths.adapter! }
    const further = await run(lora, { modules_to_save, max_steps: 1 }, inputs)
    assert.ok(Math.abs(further.metrics.eval_loss_before! - ran.metrics.eval_loss!) < 1e-6)
    assert.ok(Math.abs((await run(full, { max_steps: 1 }, inputs)).metrics.eval_loss_before! - ran.metrics.eval_loss!) < 1e-5)
    await fails(run(lora, {}, inputs), /has trained model\.embed_tokens\.weight.* whole/, 'modules_to_save')
  })
}

test('dropout changes what is learnt, stands in the adapter, and a resumed run has the same bytes', async () => {
  const params = { dropout: 0.2, modules_to_save: ['norm'], save_every: 2 }
  const whole = await run(lora, params)
  assert.is(json(join(whole.paths.adapter!, 'adapter_config.json')).lora_dropout, 0.2)
  assert.not.equal(bytesOf(whole.paths.adapter!), bytesOf((await run(lora, { ...params, dropout: 0 })).paths.adapter!))
  const scratch = folder()
  const abort = new AbortController()
  setTimeout(() => abort.abort(), 0)
  await run(lora, params, {}, { scratch, signal: abort.signal }).then(() => assert.unreachable(), (e: Error) => assert.is(e.name, 'Interrupted'))
  const resumed = await run(lora, params, {}, { scratch })
  for (const port of ['model', 'adapter']) assert.equal(bytesOf(resumed.paths[port]!), bytesOf(whole.paths[port]!))
})

test('equal runs leave equal bytes, another seed others', async () => {
  for (const stage of [full, lora]) {
    const [a, b, c] = [await run(stage), await run(stage), await run(stage, {}, {}, { seed: 6 })]
    for (const port of ['model', ...(stage === lora ? ['adapter'] : [])]) assert.equal(bytesOf(a.paths[port]!), bytesOf(b.paths[port]!))
    for (const port of ['metrics', 'report']) assert.is(await a.text(port), await b.text(port))
    assert.not.equal(bytesOf(a.paths.model!), bytesOf(c.paths.model!))
  }
})

test('an interrupted run goes on from its scratch and ends with the bytes of an undisturbed one', async () => {
  for (const stage of [full, lora]) {
    const whole = await run(stage, { save_every: 2 })
    const scratch = folder()
    const abort = new AbortController()
    setTimeout(() => abort.abort(), 0)
    const error = await run(stage, { save_every: 2 }, {}, { scratch, signal: abort.signal }).then(() => undefined, (e: Error) => e)
    assert.is(error?.name, 'Interrupted')
    assert.ok(readdirSync(join(scratch, 'checkpoints')).length > 0)
    const resumed = await run(stage, { save_every: 2 }, {}, { scratch })
    for (const port of ['model', ...(stage === lora ? ['adapter'] : [])]) assert.equal(bytesOf(resumed.paths[port]!), bytesOf(whole.paths[port]!))
    for (const port of ['metrics', 'report']) assert.is(await resumed.text(port), await whole.text(port))
  }
})

test('weights are written as those of the base, or as asked', async () => {
  const half = await baseModel('bfloat16')
  for (const [save_dtype, type] of [['base', 'BF16'], ['float32', 'F32'], ['float16', 'F16']] as const) {
    const ran = await run(lora, { max_steps: 1, save_dtype }, { model: half })
    const weights = await openSafetensors(join(ran.paths.model!, 'model.safetensors'))
    assert.is(weights.type('model.norm.weight'), type)
    assert.is((await openSafetensors(join(ran.paths.adapter!, 'adapter_model.safetensors'))).type('base_model.model.model.layers.0.mlp.up_proj.lora_A.weight'), 'F32')
  }
})

test('tune/full merges a given adapter first, tune/lora goes on with it', async () => {
  const first = await run(lora)
  const end = first.metrics.eval_loss!
  const again = await run(full, { max_steps: 1 }, { adapter: first.paths.adapter! })
  assert.ok(Math.abs(again.metrics.eval_loss_before! - end) < 1e-5)
  const further = await run(lora, {}, { adapter: first.paths.adapter! })
  assert.ok(Math.abs(further.metrics.eval_loss_before! - end) < 1e-6)
  assert.ok(further.metrics.eval_loss! < end)
  await fails(run(lora, { rank: 4 }, { adapter: first.paths.adapter! }), /has rank 8; "rank" is 4/, 'rank')
  await fails(run(lora, { alpha: 4 }, { adapter: first.paths.adapter! }), /has alpha 16; asked for is 4/, 'alpha')
  await fails(run(lora, { target_modules: ['q_proj'] }, { adapter: first.paths.adapter! }), /adapts other layers/, 'target_modules')
})

test('tune/full makes a fresh model of init and writes one that opens', async () => {
  const { vocab_size: _, ...config } = configJson
  const ran = await runStage(full, { inputs: { tokens, tokenizer: tokenizerDir }, params: { ...quick, init: { family: 'llama', config } } })
  const opened = await openLanguageModel({ dir: ran.paths.model! })
  assert.is(opened.config.vocabSize, (await readTokens(tokens)).info.vocab_size)
  assert.ok(ran.metrics.eval_loss! < ran.metrics.eval_loss_before!)
  const other = folder()
  writeFileSync(join(other, 'tokenizer.json'), '{}')
  await fails(runStage(full, { inputs: { tokens, tokenizer: other }, params: { init: { family: 'llama', config } } }), /not made with this tokenizer/)
})

test('tokens of another model, or longer than the model takes, are refused', async () => {
  await fails(run(full, {}, { model: await baseModel('float32', { vocab_size: 410 }) }), /a tokenizer of 420 tokens, the model has 410/, 'model')
  await fails(run(full, {}, { model: await baseModel('float32', { max_position_embeddings: 8 }) }), /A row has \d+ tokens, the model takes 8/, 'model')
})

test('a model that gives NaN before anything is trained is at fault itself, not the learning rate', async () => {
  const damaged = await baseModel()
  await fillWithNaN(damaged)
  for (const rows of [tokens, await tokensFolder(false)]) {
    await fails(run(full, {}, { model: damaged, tokens: rows }), /^The model gives a loss of NaN before the first update: its weights are damaged, or overflow float32$/, 'model')
  }
})

test('a learning rate that diverges ends the stage at that parameter and names the checkpoint', async () => {
  const error = await run(full, { learning_rate: 50, epochs: 20, save_every: 1, max_grad_norm: 0 }).then(() => undefined, (e: unknown) => e)
  assert.instance(error, StageFailed)
  const { message, param, hint } = error as StageFailed
  assert.match(message, /^Training diverged at step \d+: /)
  assert.is(param, 'learning_rate')
  assert.match(hint!, /^Lower "learning_rate" \(it is 50\).*The last good checkpoint is .*step-0/)
})

test('what can be seen of the parameters before the run is a problem of the parameter', async () => {
  const inputs = { model: [{ path: model, logicalName: '', reference: model }] }
  const check = (params: Record<string, unknown>) => lora.check!({ params: { rank: 8, alpha: 16, rslora: false, target_modules: 'all-linear', modules_to_save: [], ...params } as never, inputs, upstream: {} })
  assert.equal(await check({}), [])
  assert.equal(await check({ rank: 17 }), [{ message: '"rank" must be ≤ 16 (the hidden size); got 17', param: 'rank' }])
  const [problem] = await check({ target_modules: ['query'] })
  assert.is(problem!.param, 'target_modules')
  assert.match(problem!.message, /"query".*q_proj/)
  assert.equal(await check({ modules_to_save: ['embed_tokens', 'norm'] }), [])
  const [whole] = await check({ modules_to_save: ['q_proj'] })
  assert.is(whole!.param, 'modules_to_save')
  assert.match(whole!.message, /"model\.layers\.0\.self_attn\.q_proj" is adapted/)
  const gguf = fileURLToPath(new URL('../../../../tests/golden/gguf/llama.gguf', import.meta.url))
  assert.equal(await lora.check!({ params: { rank: 2, target_modules: 'all-linear', modules_to_save: [] } as never, inputs: { model: [{ path: gguf, logicalName: '', reference: gguf }] }, upstream: {} }), [])
  const gpt2 = folder()
  cpSync(model, gpt2, { recursive: true })
  writeFileSync(join(gpt2, 'config.json'), '{"model_type":"gpt2"}')
  assert.match((await lora.check!({ params: {} as never, inputs: { model: [{ path: gpt2, logicalName: '', reference: gpt2 }] }, upstream: {} }))[0]!.message, /model_type/)
  const fresh = await full.check!({ params: { init: { family: 'llama', config: { hidden_size: 10 } } } as never, inputs: {}, upstream: {} })
  assert.is(fresh[0]!.param, 'init/config')
})

/** A model of the goldens' shape whose tokenizer has the same tokens under other numbers: those above the bytes are turned round. */
async function turned(kept = 0): Promise<string> {
  const dir = await baseModel()
  const path = join(dir, 'tokenizer.json')
  const json = JSON.parse(readFileSync(path, 'utf8')) as { model: { vocab: Record<string, number> } }
  const first = 3 + kept
  json.model.vocab = Object.fromEntries(Object.entries(json.model.vocab).map(([token, id]) => [token, id < first ? id : 419 + first - id]))
  writeFileSync(path, JSON.stringify(json))
  return dir
}

test('tokens whose numbers mean other tokens to the model are told before the start, and in the stage where they come from another', async () => {
  for (const stage of [lora, full] as const) {
    const model = await turned()
    const asks = { params: { rank: 2, target_modules: 'all-linear', modules_to_save: [] } as never, inputs: { model: [{ path: model, logicalName: '', reference: model }] } }
    const upstream = (path: string) => ({ tokens: [{ stage: 'tokens', uses: 'tokenize/huggingface', params: {}, inputs: { model: [{ path, logicalName: '', reference: path }] }, fed: [] }] })
    const message = `"tokens" makes tokens with the tokenizer of ${tokenizerDir}, whose numbers mean other tokens to the model`
    assert.equal(await stage.check!({ ...asks, upstream: upstream(tokenizerDir) }), [{ message, param: 'model', hint: 'Tokenize with the model that is tuned.' }], stage.id)
    assert.equal(await stage.check!({ ...asks, upstream: upstream(model) }), [], stage.id)
    await fails(run(stage, {}, { model }), /^The tokens were made with a tokenizer whose numbers mean other tokens to the model$/, 'model')
  }
  const few = await turned(380)
  assert.equal((await run(lora, { max_steps: 1 }, { model: few })).warnings, [])
})

test('tokens that share no more with the model than its bytes are warned of, before the start and in the stage', async () => {
  const model = await turned(256)
  const upstream = { tokens: [{ stage: 'tokens', uses: 'tokenize/huggingface', params: {}, inputs: { model: [{ path: tokenizerDir, logicalName: '', reference: tokenizerDir }] }, fed: [] }] }
  for (const stage of [lora, full] as const) {
    const [problem] = await stage.check!({ params: { rank: 2, target_modules: 'all-linear', modules_to_save: [] } as never, inputs: { model: [{ path: model, logicalName: '', reference: model }] }, upstream })
    assert.equal([problem!.severity, problem!.param], ['warning', 'model'])
    assert.match(problem!.message, /whose numbers of all but bytes mean other tokens to the model$/)
  }
  assert.match((await run(lora, { max_steps: 1 }, { model })).warnings.join(), /^The tokens were made with a tokenizer whose numbers of all but bytes mean other tokens to the model/)
})

test('a model that is not what it says ends the stage at its parameter, without the name of a class', async () => {
  const wrong = folder()
  cpSync(model, wrong, { recursive: true })
  writeFileSync(join(wrong, 'config.json'), JSON.stringify({ ...configJson, hidden_size: 32 }))
  await fails(run(lora, {}, { model: wrong }), /: "model\.embed_tokens\.weight" has the shape \[420, 16\], config\.json says \[420, 32\]$/, 'model')
  await fails(run(lora, {}, { adapter: folder() }), /adapter_config\.json: is not there/, 'adapter')
})

test('tokens that another stage will make with a larger tokenizer than the model has rows are told before either works', async () => {
  const small = await baseModel('float32', { vocab_size: 300 })
  const named = (path: string) => [{ path, logicalName: '', reference: path }]
  const upstream = (inputs: NamedInputs, fed: readonly string[] = []) => ({ tokens: [{ stage: 'tokens', uses: 'tokenize/huggingface', params: {}, inputs, fed }] })
  const problem = { message: `"tokens" makes tokens with the tokenizer of ${tokenizerDir}, which has 420 tokens; the model has 300`, hint: 'Tokenize with the model that is tuned.' }
  const parameters = { rank: 2, target_modules: 'all-linear', modules_to_save: [] } as never
  for (const stage of [full, lora]) {
    const check = async (dir: string, made: NamedInputs, fed?: readonly string[]) => stage.check!({ params: parameters, inputs: { model: named(dir) }, upstream: upstream(made, fed) })
    assert.equal(await check(small, { model: named(tokenizerDir) }), [{ ...problem, param: 'model' }], stage.id)
    assert.equal(await check(small, { tokenizer: named(tokenizerDir) }), [{ ...problem, param: 'model' }], stage.id)
    assert.equal(await check(model, { model: named(tokenizerDir) }), [], stage.id)
    assert.equal(await check(small, { model: named(tokenizerDir) }, ['tokenizer']), [], 'what makes its tokenizer has not run yet')
  }
  const config = { hidden_size: 16, num_attention_heads: 4, num_hidden_layers: 1, intermediate_size: 24, vocab_size: 300 }
  assert.equal(await full.check!({ params: { init: { family: 'llama', config } } as never, inputs: {}, upstream: upstream({ model: named(tokenizerDir) }) }), [{ ...problem, param: 'init/config' }])
})

test('the report shows curves and settings and holds no path', async () => {
  const ran = await run(lora)
  const report = await ran.text('report')
  for (const part of ['held-out', 'Learning rate', 'target_modules', 'all-linear', '<svg']) assert.ok(report.includes(part), part)
  assert.not.match(report, new RegExp(root.replaceAll('/', '\\/')))
})

test('at each evaluation the same held-out question is answered by the model as it is', async () => {
  const ran = await run(full, { learning_rate: 0.03, epochs: 30, evaluate_every: 45, batch_size: 4 })
  assert.equal(ran.samples.map(s => s.step), [0, 45, 90, 135, 180])
  assert.equal([...new Set(ran.samples.map(s => s.prompt))], ['user\nWhat colour is 24?\nassistant'])
  assert.equal([...new Set(ran.samples.map(s => s.reference))], ['red'])
  const last = ran.samples.at(-1)!.prediction
  assert.ok(['red', 'green', 'blue', 'white'].includes(last), last)
  assert.not.equal(ran.samples[0]!.prediction, last)
  assert.ok((await ran.text('report')).includes('What colour is 24?'))
  const model = await loadGenerator({ dir: ran.paths.model!, engine: 'onnx', threads: 1, slots: 1 })
  const { answers } = await model.generate([[{ role: 'user', content: 'What colour is 24?' }]], { maxNewTokens: 48 })
  assert.is(answers[0]!.text, last)
  await model.dispose()
})

test('a text without a question is shown its beginning', () => {
  const ids = Int32Array.from({ length: 40 }, (_, i) => i)
  const rows = (mask: Uint8Array) => ({ ids, mask, offsets: [0, 40], exampleIds: ['a'] })
  const { prompt, reference } = firstAnswer(rows(new Uint8Array(40).fill(1)), 0)
  assert.equal([prompt, reference], [[...ids.subarray(0, 16)], [...ids.subarray(16)]])
  const answer = firstAnswer(rows(Uint8Array.from(ids, i => (i >= 10 && i < 13) || i > 30 ? 1 : 0)), 0)
  assert.equal([answer.prompt.length, answer.reference], [10, [10, 11, 12]])
})

test('held-out rows of which none is learned are as good as none', async () => {
  const dir = folder()
  const { train, validation, info, tokenizerDir } = await readTokens(tokens)
  const splits = { train, validation: { ...validation!, mask: new Uint8Array(validation!.mask.length) } }
  const rows = (['train', 'validation'] as const).flatMap(split => splits[split].exampleIds.map((id, row) => ({ split, row, id })))
  await writeTokens(dir, { info, splits, rows, tokenizerDir })
  const ran = await run(full, {}, { tokens: dir })
  assert.equal([ran.samples, 'eval_loss' in ran.metrics], [[], false])
})

test('tokens of which none is learned are refused', async () => {
  const dir = folder()
  cpSync(tokens, dir, { recursive: true })
  const { train, info, tokenizerDir } = await readTokens(tokens)
  const rows = train.exampleIds.map((id, row) => ({ split: 'train' as const, row, id }))
  await writeTokens(dir, { info, splits: { train: { ...train, mask: new Uint8Array(train.mask.length) } }, rows, tokenizerDir })
  rmSync(join(dir, 'validation.safetensors'))
  await fails(run(full, {}, { tokens: dir }), /no row with a supervised token/)
})

test('without held-out rows training rows alone are measured', async () => {
  const ran = await run(full, { evaluate_every: 2 }, { tokens: await tokensFolder(false) })
  assert.not.ok('eval_loss' in ran.metrics)
  assert.match(ran.warnings.join(), /"evaluate_every" does nothing/)
})

test.run()
