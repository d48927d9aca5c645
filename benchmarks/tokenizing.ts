// Tokenizing the questions and answers of a file, a text a row, with and without where each token lies in the text.
// node --import tsx --conditions=hone-source benchmarks/tokenizing.ts '{"file":"data/lamini_docs.jsonl","tokenizer":"models/hone-tiny/tokenizer.json"}'
// Beside it: benchmarks/tokenizing.py, the same with Hugging Face's tokenizers. `npm run real -- --data lamini` fetches the file.
import { readFileSync } from 'node:fs'
import { loadTokenizer, type LoadedTokenizer } from '../packages/lm/src/index.js'

const options = { file: 'data/lamini_docs.jsonl', tokenizer: 'models/hone-tiny/tokenizer.json', repeats: 9, ...JSON.parse(process.argv[2] ?? '{}') as object }
const texts = readFileSync(options.file, 'utf8').trimEnd().split('\n').map(line => Object.values(JSON.parse(line) as Record<string, string>).join('\n'))
const median = (times: number[]): number => Math.round(times.sort((a, b) => a - b)[times.length >> 1]! * 10) / 10

const measure = async (work: (tokenizer: LoadedTokenizer) => unknown): Promise<{ firstMs: number; laterMs: number; cpuMs: number }> => {
  const tokenizer = await loadTokenizer(options.tokenizer)
  const [times, cpu] = [[] as number[], [] as number[]]
  for (let i = 0; i <= options.repeats; i++) {
    const [t, usage] = [performance.now(), process.cpuUsage()]
    work(tokenizer)
    times.push(performance.now() - t)
    const { user, system } = process.cpuUsage(usage)
    cpu.push((user + system) / 1000)
  }
  return { firstMs: Math.round(times.shift()! * 10) / 10, laterMs: median(times), cpuMs: median(cpu.slice(1)) }
}

const ids = await measure(tokenizer => texts.map(text => tokenizer.encode(text)))
const offsets = await measure(tokenizer => texts.map(text => tokenizer.encodeWithOffsets(text)))
// Of what both sides must give alike.
const tokenizer = await loadTokenizer(options.tokenizer)
let [tokens, checksum] = [0, 0]
for (const id of texts.flatMap(text => tokenizer.encode(text))) {
  checksum = (checksum * 31 + id) % 1000003
  tokens++
}
console.log(JSON.stringify({ ...options, characters: texts.reduce((n, text) => n + [...text].length, 0), tokens, checksum, ids, offsets }))
