// Greedy generation with SmolLM2-135M's shapes and random weights: prompts read and tokens decoded, as one figure.
// node --import tsx --conditions=hone-source benchmarks/generate.ts '{"rows":1,"prompt":64,"tokens":64}'
// Beside it: benchmarks/generate.py, the same with transformers.
import { readFileSync } from 'node:fs'
import { initializeLlama, llamaParameters, parseLlamaConfig } from '../packages/lm/src/index.js'
import { decodeRows } from '../packages/lm/src/generate/batched.js'
import { lengthBucket } from '../packages/lm/src/generate/buckets.js'
import { llamaDecoder, promptReader } from '../packages/lm/src/generate/llama-decoder.js'
import { argmax } from '../packages/lm/src/generate/sampling.js'

const options = { rows: 1, slots: 0, prompt: 64, tokens: 64, repeats: 3, threads: 2, layers: 30, ...JSON.parse(process.argv[2] ?? '{}') as object }
const slots = options.slots || options.rows
const config = parseLlamaConfig({
  model_type: 'llama', hidden_size: 576, num_hidden_layers: options.layers, num_attention_heads: 9, num_key_value_heads: 3, intermediate_size: 1536,
  vocab_size: 49152, tie_word_embeddings: true, rms_norm_eps: 1e-5, rope_theta: 100000,
})
const fresh = initializeLlama(config, 1)
const weights = new Map<string, Float32Array>()
for (const { name } of llamaParameters(config)) weights.set(name, await fresh.read(name))
const compute = { engine: 'onnx', threads: options.threads } as const
const started = performance.now()
const reader = promptReader(config, weights, slots, compute)
const decoder = await llamaDecoder(config, weights, { slots, capacity: lengthBucket(options.prompt + options.tokens) }, reader, compute)
const loadMs = performance.now() - started
const rows = Array.from({ length: options.rows }, (_, row) => ({
  ids: Array.from({ length: options.prompt }, (_, i) => (i * 7919 + row * 104729) % config.vocabSize), maxNewTokens: options.tokens, choose: argmax,
}))
const seconds: number[] = []
const cpu: number[] = [] // of all threads: what it costs on a machine that does other things too
for (let i = 0; i <= options.repeats; i++) {
  const t = performance.now()
  const usage = process.cpuUsage()
  await decodeRows(decoder, rows, { isEnd: () => false })
  if (i === 0) continue // compiles the reading of prompts and plans the memory
  seconds.push((performance.now() - t) / 1000)
  const { user, system } = process.cpuUsage(usage)
  cpu.push((user + system) / 1e6)
}
const best = Math.min(...seconds)
seconds.sort((a, b) => a - b)
const median = seconds[seconds.length >> 1] as number
const round = (x: number): number => Math.round(x * 10) / 10
console.log(JSON.stringify({
  ...options, loadMs: Math.round(loadMs), tokensPerSecond: round((options.rows * options.tokens) / median), best: round((options.rows * options.tokens) / best),
  cpuMsPerToken: round((Math.min(...cpu) * 1000) / (options.rows * options.tokens)), peakMiB: Math.round(Number(/VmHWM:\s+(\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]) / 1024),
}))
await decoder.dispose()
await reader.dispose()
