// Every built-in stage keeps what the engine relies on.
import { rmSync } from 'node:fs'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { conformance, type ConformanceOptions } from 'hone-engine/testing'
import { wordModel } from '../../lm/test/generate/word-model.js'
import { builtInPlugin } from '../src/index.js'
import { baseModel, root, tokenizerDir, tokensFolder } from './tune/fixtures.js'

const test = suite('built-in stages')
const [base, tokens, words] = [await baseModel(), await tokensFolder(), await wordModel('llama-tiny-tied')]
test.after(async () => {
  rmSync(root, { recursive: true })
  await words.remove()
})

const documents = ['t05 t06 t07 t08', 't09 t10 t11', 't12 t13 t14 t15 t16'].map((text, i) => ({ id: `d${i}`, title: `T${i}`, text, source: 'x' }))
const examples = documents.map(({ id, text }, i) => ({ id, task: i % 2 ? 'odd' : 'even', messages: [{ role: 'user', content: text }, { role: 'assistant', content: `t2${i} t21` }] }))
const predictions = examples.map(({ id, messages }) => ({ id, prompt: messages[0]!.content, prediction: 't20 t21', reference: messages[1]!.content }))
const choices = documents.map(({ id, text }, i) => ({ id, context: text, options: ['t20', 't21'], gold: i % 2 }))
const tuning = { inputs: { tokens, model: { path: base, reference: './models/base' } }, seed: 5 }

const settings: Readonly<Record<string, ConformanceOptions>> = {
  'ingest/files': { params: { paths: ['docs'] }, project: { 'docs/a.md': '# One\n\nFirst.\n\n## Two\n\nSecond.\n', 'docs/b/c.html': '<h1>Three</h1><p>Third.</p>' } },
  'ingest/table': {
    params: { path: 'a.csv' },
    project: { 'a.csv': 'a,b\n1,x\n2,y\n', 'a.png': '' },
    wrong: [{ params: { path: 'a.png' }, says: /a\.png|"\.png"|png/ }, { params: { limit: 0 }, says: /"limit" must be ≥ 1; got 0/ }],
  },
  'qa-convert/template': {
    params: { user: 'What is {{title}}?', assistant: '{{text}}', split: { test: 0.3 } },
    inputs: { documents },
    wrong: [{ params: { split: { test: 1.5 } }, says: /split/ }, { params: { user: '{{no}}' }, says: /no/ }],
  },
  'command/shell': {
    params: { command: 'sort "$HONE_INPUT_ROWS" > "$HONE_OUTPUT_SORTED"', outputs: { sorted: 'rows' } },
    inputs: { rows: documents },
    wrong: [{ params: { outputs: { sorted: 'no-kind' } }, says: /no-kind/ }],
  },
  'error-analyze/categories': {
    inputs: { examples, predictions: { base: predictions, tuned: predictions.map((p, i) => (i === 1 ? { ...p, prediction: p.reference } : p)) } },
    wrong: [{ params: { categories: ['no-such'] }, says: /no-such/ }, { params: { before: 'nobody' }, says: /nobody/ }],
  },
  'evaluate/score': { inputs: { predictions }, wrong: [{ params: { metrics: ['f2'] }, says: /f2/ }, { params: { prediction: 'absent' }, says: /absent/ }] },
  'evaluate/qa': { params: { max_new_tokens: 3 }, inputs: { model: words.dir, examples }, wrong: [{ params: { template: 'no template' }, says: /template/ }, { params: { max_new_tokens: 0 }, says: /"max_new_tokens" must be ≥ 1/ }] },
  'evaluate/perplexity': { inputs: { model: words.dir, documents }, wrong: [{ params: { text: 'absent' }, says: /absent/ }] },
  'evaluate/choice': { params: { context: 'context', choices: 'options', gold: 'gold' }, inputs: { model: words.dir, rows: choices }, wrong: [{ params: { gold: 'absent' }, says: /absent/ }] },
  'tokenize/train': { params: { vocab_size: 300 }, inputs: { documents: documents.map(d => ({ ...d, text: 'the cat sat on the mat and the hat' })) }, wrong: [{ params: { vocab_size: 3 }, says: /vocab_size/ }] },
  'tokenize/huggingface': { params: { template: 'chatml' }, inputs: { examples, model: tokenizerDir }, wrong: [{ params: { template: 'no template' }, says: /template/ }] },
  'tune/full': { ...tuning, params: { max_steps: 6, save_every: 2, learning_rate: 0.01, schedule: 'constant', warmup_steps: 0 }, earlier: { max_steps: 3 }, wrong: [{ params: { epochs: 0 }, says: /epochs/ }, { params: { learning_rate: -1 }, says: /learning_rate/ }] },
  'tune/lora': { ...tuning, params: { max_steps: 6, save_every: 2, rank: 4, learning_rate: 0.01 }, earlier: { max_steps: 3 }, wrong: [{ params: { rank: 0 }, says: /"rank" must be ≥ 1; got 0/ }, { params: { target_modules: ['no_proj'] }, says: /no_proj/ }] },
}

test('each has a setting to be tried in', () => {
  assert.equal(Object.keys(settings).sort(), (builtInPlugin.stages ?? []).map(s => s.id).sort())
})

for (const stage of builtInPlugin.stages ?? []) for (const { name, run } of conformance(stage, settings[stage.id])) test(name, run)

test.run()
