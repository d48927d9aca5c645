import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Project, shell } from '../../../../tests/rig.js'

const test = suite('compare')
const metrics = 'const s = (id, params, values) => defineStage({ id, version: 1, summary: id, determinism: "bytes", params, inputs: {}, outputs: {}, run: async () => ({ default: ({ params, metric }) => { for (const [name, value] of Object.entries(values(params))) metric(name, value) } }) })'
const project = Project.make({
  'measure.ts': `import { definePlugin, defineStage, params } from 'hone-engine'
${metrics}
const rank = params({ type: 'object', properties: { rank: { type: 'integer' }, extra: { type: 'boolean' } } })
export default definePlugin({ name: 'measure', api: 1, stages: [
  s('demo/measure', rank, p => ({ loss: 4 / p.rank, loss_stderr: 0.1, parameters: p.rank * 32768, steps: 30, ...(p.extra && { extra: 1 }) })),
] })
`,
  'pipeline.yaml': `name: compared
plugins: [./measure.ts]
params: { rank: 8, extra: false, also: false }
stages:
  base: ${shell('echo "{}" > "$HONE_OUTPUT_TO"')}
  tuned: { uses: demo/measure, with: { rank: "\${{ params.rank }}", extra: "\${{ params.extra }}" } }
  noted: ${shell('echo "{\\"rank\\":${{ params.rank }}}" > "$HONE_OUTPUT_TO"')}
  read: ${shell('cp "$HONE_INPUT_NOTED" "$HONE_OUTPUT_TO"', '', 'noted: noted')}
  also: ${shell('echo "{\\"also\\":1}" > "$HONE_OUTPUT_TO"', 'when: "${{ params.also }}"')}
`,
})
const told = (text: string) => text.replace(/\d{8}-\d{6}-\d{3}-[0-9a-z]{4}/g, 'RUN').replace(/^ {2}took .*\n/gm, '').replace(/ +/g, ' ').replace(/params\.command: .*/, 'params.command: …')

test('two runs of the same are the same, and say so', async () => {
  assert.is((await project.run()).code, 0)
  assert.is((await project.run()).code, 0)
  const same = await project.hone('compare', 'last~1', 'last')
  assert.is(told(same.stdout), 'RUN (compared) → RUN (compared)\n\nall stages are the same: base, tuned, noted, read, also\n')
})

test('what changed is told by parameter and by stage, and each metric with old, new and difference', async () => {
  assert.is((await project.run('--set', 'rank=16', '--set', 'extra=true', '--set', 'also=true')).code, 0)
  const compared = await project.hone('compare', 'last~1', 'last')
  assert.is(
    told(compared.stdout),
    `RUN (compared) → RUN (compared)

params.rank: 8 → 16
params.extra: false → true
params.also: false → true

tuned (demo/measure)
 params.extra: false → true
 params.rank: 8 → 16
 extra none 1
 loss 0.5 0.25 −0.25
 parameters 262144 524288 +262144
 steps 30 30 =

noted (command/shell)
 params.command: …

read (command/shell)
 input noted changed

also (command/shell)
 skipped → ran

one stage is the same: base
`,
  )
  const { before, after, params, stages } = (await project.hone('compare', 'last~1', 'last', '--json')).json
  assert.equal([before.pipeline, after.status, params.rank], ['compared', 'succeeded', { before: 8, after: 16 }])
  const tuned = stages.find((s: { stage: string }) => s.stage === 'tuned')
  assert.equal([tuned.kind, tuned.metrics.loss, tuned.metrics.extra, tuned.metrics.loss_stderr.difference], ['changed', { before: 0.5, after: 0.25, difference: -0.25 }, { after: 1 }, 0])
  assert.equal(tuned.differences.map((d: { name: string }) => d.name), ['params.extra', 'params.rank'])
})

test('runs of two pipelines share what they share; where a record is gone, that is told', async () => {
  project.write({ 'other.yaml': 'stages:\n  base: { uses: command/shell, with: { command: echo 1 > "$HONE_OUTPUT_N", outputs: { n: file } } }\n  alone: { uses: command/shell, with: { command: "true", outputs: { n: file } }, when: "${{ false }}" }\n' })
  assert.is((await project.hone('run', 'other.yaml', '--json')).code, 0)
  const compared = told((await project.hone('compare', 'last~1', 'last')).stdout)
  assert.match(compared, /^These are runs of different pipelines, compared and other; hone runs --pipeline other lists those of one\.\n\nRUN \(compared\) → RUN \(other\)\n/)
  assert.match(compared, /\nalone \(command\/shell\)\n only the second run has it\n/)
  assert.match(compared, /\ntuned \(demo\/measure\)\n only the first run has it\n extra 1 none\n/)
  const { stages } = (await project.hone('compare', 'last~1', 'last', '--json')).json
  const key = (await project.hone('show', 'last', 'base', '--json')).json.key as string
  assert.is(stages.find((s: { stage: string }) => s.stage === 'base').kind, 'changed')
  project.write({ [`.hone/actions/${key.slice(0, 2)}/${key}.json`]: '' })
  assert.match(told((await project.hone('compare', 'last~1', 'last')).stdout), /\nbase \(command\/shell\)\n its key differs; the records that would tell how are gone\n/)
})

test('a run that is not there is named', async () => {
  const none = await project.hone('compare', 'last', '2019')
  assert.equal([none.code, none.stdout], [2, ''])
  assert.match(none.stderr, /^error: There is no run "2019" in .*\. `hone runs` lists them\.\n$/)
})

test.run()
