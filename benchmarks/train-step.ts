// One training step of SmolLM2-135M's shapes with random weights, without the optimizer unless its time is asked for.
// node --import tsx --conditions=hone-source benchmarks/train-step.ts '{"method":"lora","length":512}'
// Beside it: benchmarks/train-step.py, the same in PyTorch.
import { readFileSync } from 'node:fs'
import { compileTrainStep, parseLlamaConfig, initializeLlama, initializeLora, type TensorData, type TuningMethod } from '../packages/lm/src/index.js'

const options = {
  method: 'lora', batch: 1, length: 512, supervised: 1, steps: 5, threads: 2, rank: 8, constants: true, profile: '', layers: 30,
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
const values = new Map<string, Float32Array>()
for (const name of weights.names) values.set(name, await weights.read(name))
const started = performance.now()
const step = await compileTrainStep(config, {
  method, batch: options.batch, length: options.length, supervised: S, threads: options.threads, engine: 'onnx',
  ...(method.type === 'lora' && options.constants ? { frozen: values } : {}),
  ...(options.profile ? { profilePrefix: options.profile } : {}),
})
const compileMs = performance.now() - started
if (method.type === 'lora') {
  const adapter = initializeLora(config, method, 1)
  for (const name of adapter.names) values.set(name, (await adapter.read(name)).map((x, i) => x || ((i % 7) - 3) * 1e-3))
}
const feeds: Record<string, TensorData> = {
  ids: Int32Array.from({ length: N }, (_, i) => (i * 7919) % config.vocabSize),
  positions: Int32Array.from({ length: N }, (_, i) => i % options.length),
  segments: new Int32Array(N).fill(1),
  select: Int32Array.from({ length: S }, (_, i) => Math.floor((i * N) / S)),
  targets: Int32Array.from({ length: S }, (_, i) => (i * 104729) % config.vocabSize),
  weights: new Float32Array(S).fill(1 / S),
}
for (const p of [...step.trainable, ...step.frozen]) feeds[p.name] = values.get(p.name) as Float32Array
values.clear()
const into = Object.fromEntries(step.executable.outputs.map(o => [o.name, new Float32Array(o.shape.reduce((a, b) => a * b, 1))]))
const times: number[] = []
const cpu: number[] = [] // of all threads: what a step costs on a machine that does other things too
for (let i = 0; i < options.steps + 2; i++) {
  const t = performance.now()
  const usage = process.cpuUsage()
  await step.executable.run(feeds, into)
  if (i < 2) continue // the first plans the memory, the second touches it
  times.push(performance.now() - t)
  const { user, system } = process.cpuUsage(usage)
  cpu.push((user + system) / 1000)
}
times.sort((a, b) => a - b)
cpu.sort((a, b) => a - b)
const medianMs = times[times.length >> 1] as number
console.log(JSON.stringify({
  ...options, loss: into['loss']?.[0], compileMs: Math.round(compileMs), medianMs: Math.round(medianMs), bestMs: Math.round(times[0] as number), cpuMs: Math.round(cpu[0] as number),
  tokensPerSecond: Math.round((N / medianMs) * 1e4) / 10, peakMiB: peakMiB(),
}))
await step.executable.dispose()
