import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { openModelFolder } from '../../src/checkpoint/hugging-face.js'
import { readAdapterFolder } from '../../src/checkpoint/peft.js'
import { openSafetensors } from '../../src/checkpoint/safetensors.js'
import { parseLlamaConfig } from '../../src/model/llama-config.js'
import type { TuningMethod } from '../../src/model/train-step.js'
import type { TokenRows } from '../../src/text/types.js'
import { llamaTraining } from '../../src/train/llama-training.js'
import { train } from '../../src/train/train.js'

const dir = fileURLToPath(new URL('../../../../tests/golden/train', import.meta.url))
interface Trace { losses: number[]; norms: number[]; rates: number[] }
const golden = JSON.parse(readFileSync(`${dir}/trace.json`, 'utf8')) as {
  seed: number; epochs: number; batchSize: number; accumulationSteps: number; learningRate: number; warmupSteps: number
  weightDecay: number; maxNorm: number; rank: number; alpha: number
  rows: { ids: number[]; mask: number[] }[]
  full: Trace
  lora: Trace
}
// Float32 in another order of summation, over twenty steps. Weights whose gradient is near nothing move by AdamW's sign alone, up to
// the learning rate a step, so theirs is a bound on the mean.
const lossTolerance = 2e-4
const normTolerance = 2e-3
const weightTolerance = 1e-4

const offsets = [0]
for (const { ids } of golden.rows) offsets.push(offsets.at(-1)! + ids.length)
const rows: TokenRows = {
  ids: Int32Array.from(golden.rows.flatMap(r => r.ids)), mask: Uint8Array.from(golden.rows.flatMap(r => r.mask)), offsets,
  exampleIds: golden.rows.map((_, i) => `row${i}`),
}

const methods: Record<'full' | 'lora', TuningMethod> = {
  full: { type: 'full' },
  lora: { type: 'lora', rank: golden.rank, alpha: golden.alpha, rslora: false, targetModules: 'all-linear' },
}

for (const name of ['full', 'lora'] as const) {
  test(`twenty steps of ${name === 'full' ? 'full tuning equal transformers' : 'LoRA equal PEFT'} and torch.optim.AdamW, losses, norms, rates and weights`, async () => {
    const folder = await openModelFolder(`${dir}/model`)
    const adapter = name === 'lora' ? (await readAdapterFolder(`${dir}/adapter`)).weights : undefined
    const model = await llamaTraining({ config: parseLlamaConfig(folder.configJson), method: methods[name], base: folder.weights, adapter, engine: 'onnx', threads: 1, seed: golden.seed })
    const result = await train({
      model, rows,
      settings: {
        seed: golden.seed, epochs: golden.epochs, batchSize: golden.batchSize, accumulationSteps: golden.accumulationSteps, pack: false, maxLength: 64,
        learningRate: golden.learningRate, schedule: 'cosine', warmup: { steps: golden.warmupSteps }, maxGradientNorm: golden.maxNorm, adamw: { weightDecay: golden.weightDecay },
      },
    })
    const expected = golden[name]
    assert.is(result.steps, 20)
    const compare = (what: string, ours: number[], theirs: number[], tolerance: number) =>
      theirs.forEach((x, i) => assert.ok(Math.abs(ours[i]! - x) <= tolerance * Math.max(1, Math.abs(x)), `${what} of step ${i + 1}: ${ours[i]}, PyTorch has ${x}`))
    compare('the loss', result.history.steps.map(s => s.loss), expected.losses, lossTolerance)
    compare('the norm', result.history.steps.map(s => s.gradientNorm), expected.norms, normTolerance)
    compare('the rate', result.history.steps.map(s => s.learningRate), expected.rates, 1e-12)
    const weights = await openSafetensors(`${dir}/${name}.safetensors`)
    assert.equal(result.parameters.map(p => p.name).sort(), [...weights.names].sort())
    for (const p of result.parameters) {
      const theirs = await weights.read(p.name)
      const mean = p.value.reduce((n, x, i) => n + Math.abs(x - theirs[i]!), 0) / p.elements
      assert.ok(mean <= weightTolerance, `${p.name} differs by ${mean} in the mean`)
    }
  })
}

test.run()
