// What hone writes opens in transformers and PEFT and is the same model there: tests/interop/open.py wrote down what they make of it.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { makeGenerator, makeScorer, openLanguageModel } from 'hone-lm'
import { Project } from './rig.js'
import { root } from './sources.js'

interface Golden {
  text: string
  models: { model: string; adapter: string | null; ids: number[]; log_probabilities: number[]; answers: { question: string; prompt: number[]; answer: number[] }[] }[]
}

const test = suite('interop')
const golden = JSON.parse(readFileSync(join(root, 'tests/interop/golden.json'), 'utf8')) as Golden
const TOLERANCE = 5e-5 // open.py states it
const compute = { engine: 'onnx', threads: 2 } as const

for (const { model: dir, adapter, ids, log_probabilities, answers } of golden.models) {
  test(`${dir}${adapter === null ? '' : ` with ${adapter}`} is to transformers what it is here: tokens, log-probabilities, greedy answers`, async () => {
    const model = await openLanguageModel({ dir: join(root, dir), adapterDir: adapter === null ? undefined : join(root, adapter) })
    assert.equal(model.tokenizer.encode(golden.text), ids)
    const scorer = await makeScorer(model, compute)
    const [scored] = await scorer.score([{ ids, from: 1 }])
    await scorer.dispose()
    assert.is(scored!.logProbabilities.length, log_probabilities.length)
    log_probabilities.forEach((expected, i) => {
      const found = scored!.logProbabilities[i]!
      assert.ok(Math.abs(found - expected) <= TOLERANCE, `token ${i + 1}: ${found}, expected ${expected}`)
    })

    const generator = await makeGenerator(model, { ...compute, slots: answers.length })
    const prompts = answers.map(({ question }) => [{ role: 'user' as const, content: question }])
    assert.equal(prompts.map(p => model.tokenizer.encode(model.template.render(p, { addGenerationPrompt: true }))), answers.map(a => a.prompt))
    const generated = await generator.generate(prompts, { maxNewTokens: 12 })
    await generator.dispose()
    assert.equal(generated.answers.map(a => a.ids), answers.map(a => a.answer))
  })
}

test('the pipeline of these folders writes such folders today: the same files, the same words, the same tensors by name, shape and type', async () => {
  const folders = ['base', 'model', 'adapter']
  const project = Project.make()
  for (const name of ['pipeline.yaml', 'rows.jsonl', 'text.md']) project.copyIn(join(root, 'tests/interop', name), `tests/interop/${name}`)
  const ran = await project.hone('run', 'tests/interop/pipeline.yaml')
  assert.is(ran.code, 0, ran.stderr)
  for (const folder of folders) {
    const [there, here] = [join(root, 'tests/interop', folder), project.path('tests/interop', folder)]
    assert.equal(readdirSync(here).sort(), readdirSync(there).sort())
    for (const file of readdirSync(here)) assert.equal(form(join(here, file)), form(join(there, file)), `${folder}/${file}`)
  }
})

/** What of a file does not depend on the last bits of a training: all but the numbers of tensors and the digest that binds an adapter to them. */
function form(file: string): string {
  const bytes = readFileSync(file)
  if (file.endsWith('.safetensors')) return bytes.toString('utf8', 8, 8 + Number(bytes.readBigUInt64LE()))
  return bytes.toString('utf8').replace(/("base_digest": )"[^"]+"/, '$1…')
}

test.run()
