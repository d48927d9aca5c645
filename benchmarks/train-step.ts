// One training step of SmolLM2-135M's shapes with random weights: loss, gradients, clipping and AdamW as the trainer does them.
// node --import tsx --conditions=hone-source benchmarks/train-step.ts '{"method":"lora","length":512}'
// Beside it: benchmarks/train-step.py, the same in PyTorch.
import { readFileSync } from 'node:fs'
import { compileTrainStep, parseLlamaConfig, initializeLlama, initializeLora, type TensorData, type TuningMethod } from '../packages/lm/src/index.js'
import { adamwDefaults, adamwStep, addRows, gradientNorm } from '../packages/lm/src/train/adamw.js'
import { clipScale } from '../packages/lm/src/train/clip.js'
import { allocateParameters } from '../packages/lm/src/train/parameters.js'

const options = {
  method: 'lora', batch: 1, length: 512, supervised: 1, steps: 5, threads: 2, rank: 8, constants: true, optimizer: true, profile: '', layers: 30,
  ...JSON.parse(process.argv[2] ?? '{}') as object,
}
const config = parseLlamaConfig({
  model_type: 'llama', hidden_size: 576, num_hidden_layers: options.layers, num_attention_heads: 9, num_key_value_heads: 3, intermediate_size: 1536,
  vocab_size: 49152, tie_word_embeddings: true, rms_norm_eps: 1e-5, rope_theta: 100000,
})
const method: TuningMethod = options.method === 'full' ? { type: 'full' }
  : { type: 'lora', rank: options.rank, alpha: 16, rslora: false, targetModules: 'all-linear' }
const peakMiB = (): number => Math.round(Number(/VmHWM:\s+(\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]) / 1024)

const N = options.batch * options.length
const S = Math.round(N * options.supervised)
const weights = initializeLlama(config, 1)
const frozen = new Map<string, Float32Array>()
if (method.type === 'lora') for (const name of weights.names) frozen.set(name, await weights.read(name))
const started = performance.now()
const step = await compileTrainStep(config, {
  method, batch: options.batch, length: options.length, supervised: S, threads: options.threads, engine: 'onnx',
  ...(method.type === 'lora' && options.constants ? { frozen } : {}),
  ...(options.profile ? { profilePrefix: options.profile } : {}),
})
const compileMs = performance.now() - started
const parameters = allocateParameters(step.trainable, { accumulate: false })
const first = method.type === 'lora' ? initializeLora(config, method, 1) : weights
for (const p of parameters) await first.read(p.name, p.value)
// Fresh factors B are zeros, and the gradients of A with them.
if (method.type === 'lora') for (const { value } of parameters) value.forEach((x, i) => (value[i] = x || ((i % 7) - 3) * 1e-3))
const feeds: Record<string, TensorData> = {
  ids: Int32Array.from({ length: N }, (_, i) => (i * 7919) % config.vocabSize),
  positions: Int32Array.from({ length: N }, (_, i) => i % options.length),
  segments: new Int32Array(N).fill(1),
  select: Int32Array.from({ length: S }, (_, i) => Math.floor((i * N) / S)),
  targets: Int32Array.from({ length: S }, (_, i) => (i * 104729) % config.vocabSize),
  weights: new Float32Array(S).fill(1 / S),
}
for (const p of step.frozen) feeds[p.name] = frozen.get(p.name) as Float32Array
frozen.clear()
for (const p of parameters) feeds[p.name] = p.value
const gradients = new Map(parameters.map(p => [step.gradientName(p.name), p.gradient]))
const into = Object.fromEntries(step.executable.outputs.map(o => [o.name, gradients.get(o.name) ?? new Float32Array(o.shape.reduce((a, b) => a * b, 1))]))
const table = parameters.find(p => p.name === step.embeddingRows?.parameter)

function update(i: number): void {
  if (table) addRows(table.sum, into[step.embeddingRows!.output]!, feeds['ids'] as Int32Array, config.hiddenSize)
  const scale = clipScale(gradientNorm(parameters, 1), 1)
  adamwStep(parameters, { ...adamwDefaults, step: i + 1, learningRate: 1e-4, scale })
}

const times: number[] = []
const programs: number[] = []
const cpu: number[] = [] // of all threads: what a step costs on a machine that does other things too
for (let i = 0; i < options.steps + 2; i++) {
  const t = performance.now()
  const usage = process.cpuUsage()
  await step.executable.run(feeds, into)
  const computed = performance.now()
  if (options.optimizer) update(i)
  if (i < 2) continue // the first plans the memory, the second touches it
  times.push(performance.now() - t)
  programs.push(computed - t)
  const { user, system } = process.cpuUsage(usage)
  cpu.push((user + system) / 1000)
}
times.sort((a, b) => a - b)
cpu.sort((a, b) => a - b)
const medianMs = times[times.length >> 1] as number
console.log(JSON.stringify({
  ...options, loss: into['loss']?.[0], compileMs: Math.round(compileMs), medianMs: Math.round(medianMs), bestMs: Math.round(times[0] as number), cpuMs: Math.round(cpu[0] as number),
  withoutOptimizerMs: Math.round(programs.sort((a, b) => a - b)[programs.length >> 1] as number),
  tokensPerSecond: Math.round((N / medianMs) * 1e4) / 10, peakMiB: peakMiB(),
}))
await step.executable.dispose()
