import { access, mkdir, readFile, readdir, rm } from 'node:fs/promises'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { realIo } from '../src/artifacts/io.js'
import { takeLock } from '../src/artifacts/lock.js'
import { planPipeline, runPipeline, type RunOutcome } from '../src/run.js'
import { whyStage } from '../src/why.js'
import { Project, plugin, statuses } from './project.js'

const stages = (value = 'i', reach = 'i') => plugin(
  {
    'make/numbers': {
      params: "n: { type: 'integer', default: 3 }, modulo: { type: 'integer', default: 100 }",
      run: `async ({ params, outputs, metric, seed }) => { for (let i = 0; i < params.n; i++) await outputs.rows.write({ value: (${value}) % params.modulo }); metric('count', params.n) }`,
    },
    'make/sum': {
      inputs: 'rows: { kind: rows, many: true }',
      run: `async ({ inputs, outputs }) => { let sum = 0; for (const list of inputs.rows) for await (const row of list) sum += row.value; await outputs.rows.write({ value: sum }) }`,
    },
  },
  `const unreached = (i: number) => ${reach}`,
)
const pipeline = `params: { n: 4, modulo: 100 }
plugins: [./plugin.ts]
stages:
  numbers: { uses: make/numbers, with: { n: "\${{ params.n }}", modulo: "\${{ params.modulo }}" } }
  sum: { uses: make/sum, inputs: { rows: [numbers] } }
  last: { uses: make/sum, inputs: { rows: [sum] } }
`

test('a pipeline runs, and again it is all hits', async () => {
  const project = await Project.make({ 'plugin.ts': stages(), 'pipeline.yaml': pipeline })
  const first = await project.run()
  assert.equal(statuses(first), { numbers: 'ran', sum: 'ran', last: 'ran' })
  assert.is(await readFile(first.finished.last!.outputs.rows!.path, 'utf8'), '{"value":6}\n')
  assert.equal(first.finished.numbers!.metrics, { count: 4 })
  const second = await project.run()
  assert.equal(statuses(second), { numbers: 'hit', sum: 'hit', last: 'hit' })
  assert.equal(second.finished.last!.outputs, first.finished.last!.outputs)
  assert.equal(second.events.map(e => e.type).filter(t => t === 'stage-started'), [])
})

test('what comes out with equal bytes ends the rerun', async () => {
  const project = await Project.make({ 'plugin.ts': stages(), 'pipeline.yaml': pipeline })
  await project.run()
  const plan = await planPipeline({ ...project.options, set: ['modulo=50'] })
  assert.ok(plan.ok)
  if (plan.ok) assert.equal([...plan.value.nodes.values()].map(n => n.action), ['run', 'undetermined', 'undetermined'])
  assert.equal(statuses(await project.run({ set: ['modulo=50'] })), { numbers: 'ran', sum: 'hit', last: 'hit' })
  assert.equal(statuses(await project.run({ set: ['modulo=2'] })), { numbers: 'ran', sum: 'ran', last: 'ran' })
})

test('a comment in a plugin reruns nothing, a changed function reruns its stage', async () => {
  const project = await Project.make({ 'plugin.ts': stages(), 'pipeline.yaml': pipeline })
  await project.run()
  await project.write({ 'plugin.ts': `// Explained.\n${stages().replaceAll('{ value:', '{\n  // here too\n  value:')}` })
  assert.equal(statuses(await project.run()), { numbers: 'hit', sum: 'hit', last: 'hit' })
  await project.write({ 'plugin.ts': stages('2 * i') })
  assert.equal(statuses(await project.run()), { numbers: 'ran', sum: 'ran', last: 'ran' })
})

test('why names the components that differ, with both values', async () => {
  const project = await Project.make({ 'plugin.ts': stages(), 'pipeline.yaml': pipeline })
  await project.run()
  const why = await whyStage({ ...project.options, set: ['n=5'] }, 'numbers')
  assert.ok(why.ok)
  if (why.ok) assert.equal(why.value.map(w => [w.action, w.described]), [['run', ['params.n: 4 → 5']]])
})

test('renaming a stage, moving the project, another timeout or thread count reruns nothing', async () => {
  const project = await Project.make({ 'plugin.ts': stages(), 'pipeline.yaml': pipeline })
  await project.run()
  await project.write({ 'pipeline.yaml': pipeline.replace('numbers: {', 'digits: { timeout: 1h, resources: { cpus: 2 },').replace('[numbers]', '[digits]') })
  assert.equal(statuses(await project.run()), { digits: 'hit', sum: 'hit', last: 'hit' })
  const moved = await project.move()
  assert.equal(statuses(await moved.run()), { digits: 'hit', sum: 'hit', last: 'hit' })
})

test('force runs anew; what gives other bytes is told, and what follows is keyed by them', async () => {
  const project = await Project.make({ 'plugin.ts': stages('Math.floor(Math.random() * 1e9)').replaceAll('% params.modulo', ''), 'pipeline.yaml': pipeline })
  await project.run()
  const again = await project.run({ force: ['numbers'] })
  assert.equal(statuses(again), { numbers: 'ran', sum: 'ran', last: 'ran' })
  assert.equal(again.events.filter(e => e.type === 'nondeterministic').map(e => e.stage), ['numbers'])
  assert.equal(statuses(await project.run()), { numbers: 'hit', sum: 'hit', last: 'hit' })
})

test('--only wants hits before it, --from runs what follows, a stage runs with what it needs', async () => {
  const project = await Project.make({ 'plugin.ts': stages(), 'pipeline.yaml': pipeline })
  const refused = await project.run({ only: 'sum' })
  assert.equal(refused.outcome.diagnostics.map(d => d.code), ['not-a-hit'])
  assert.equal(statuses(await project.run({ stages: ['sum'] })), { numbers: 'ran', sum: 'ran' })
  assert.equal(statuses(await project.run({ only: 'last' })), { numbers: 'hit', sum: 'hit', last: 'ran' })
  assert.equal(statuses(await project.run({ from: 'sum' })), { numbers: 'hit', sum: 'ran', last: 'ran' })
  assert.equal((await project.run({ stages: ['absent'] })).outcome.diagnostics.map(d => d.code), ['unknown-selection'])
})

test('a matrix makes nodes; `when` reads metrics; what is left out leaves its port', async () => {
  const project = await Project.make({
    'plugin.ts': stages(),
    'pipeline.yaml': `plugins: [./plugin.ts]
stages:
  numbers: { uses: make/numbers, matrix: { n: [1, 2, 3] }, with: { n: "\${{ matrix.n }}" } }
  big: { uses: make/sum, inputs: { rows: [numbers] }, when: "\${{ stages.total.metrics.absent == null }}", needs: [total] }
  total: { uses: make/sum, inputs: { rows: [numbers] } }
  chosen: { uses: make/numbers, matrix: { n: [1, 2] }, when: "\${{ matrix.n == 2 }}", with: { n: "\${{ matrix.n }}", modulo: 7 } }
  after: { uses: make/sum, inputs: { rows: [chosen] } }
`,
  })
  const ran = await project.run({ keepGoing: true })
  assert.equal(statuses(ran), {
    'numbers[n=1]': 'ran', 'numbers[n=2]': 'ran', 'numbers[n=3]': 'ran', total: 'ran', big: 'failed', 'chosen[n=1]': 'skipped', 'chosen[n=2]': 'ran', after: 'ran',
  })
  assert.match(ran.finished.big!.failure?.message ?? '', /has no metric "absent"/)
  assert.is(await readFile(ran.finished.total!.outputs.rows!.path, 'utf8'), '{"value":4}\n')
})

test('a condition on the metric of a stage that is skipped skips its own too, whether that is seen before the run or in it', async () => {
  const project = await Project.make({
    'plugin.ts': stages(),
    'pipeline.yaml': `plugins: [./plugin.ts]
params: { wanted: false }
stages:
  numbers: { uses: make/numbers, with: { n: 3 } }
  early: { uses: make/sum, inputs: { rows: numbers }, when: "\${{ params.wanted }}" }
  of_early: { uses: make/sum, inputs: { rows: numbers }, when: "\${{ stages.early.metrics.count > 0 }}" }
  late: { uses: make/numbers, with: { n: 4 }, when: "\${{ stages.numbers.metrics.count > 1000 }}" }
  of_late: { uses: make/sum, inputs: { rows: numbers }, when: "\${{ stages.late.metrics.count > 0 }}" }
`,
  })
  const ran = await project.run()
  assert.equal(statuses(ran), { numbers: 'ran', early: 'skipped', of_early: 'skipped', late: 'skipped', of_late: 'skipped' })
  assert.equal([ran.finished.of_early!.because, ran.finished.of_late!.because], [['early is skipped'], ['late is skipped']])
})

test('a stage whose result is there is skipped all the same where its condition, or that of a stage it needs, turns out false in the run', async () => {
  const project = await Project.make({
    'plugin.ts': stages(),
    'pipeline.yaml': `plugins: [./plugin.ts]
params: { n: 4 }
stages:
  numbers: { uses: make/numbers, with: { n: "\${{ params.n }}" } }
  fixed: { uses: make/numbers }
  big: { uses: make/sum, inputs: { rows: [fixed] }, when: "\${{ stages.numbers.metrics.count > 3 }}" }
  after_big: { uses: make/sum, inputs: { rows: [fixed, fixed] }, needs: [big] }
  of_big: { uses: make/sum, inputs: { rows: [big] } }
  after_of_big: { uses: make/sum, inputs: { rows: [fixed] }, needs: [of_big] }
  gathered: { uses: make/sum, inputs: { rows: [big, fixed, fixed, fixed] } }
`,
  })
  const first = await project.run()
  assert.is(first.outcome.status, 'succeeded')
  const again = await project.run({ set: ['n=5'] })
  assert.equal(statuses(again), { numbers: 'ran', fixed: 'hit', big: 'hit', after_big: 'hit', of_big: 'hit', after_of_big: 'hit', gathered: 'hit' })
  const left = await project.run({ set: ['n=2'] })
  assert.equal(statuses(left), { numbers: 'ran', fixed: 'hit', big: 'skipped', after_big: 'skipped', of_big: 'skipped', after_of_big: 'skipped', gathered: 'ran' })
  const planned = await planPipeline({ ...project.options, set: ['n=6'] })
  assert.ok(planned.ok)
  const said = (id: string) => { const { action, reasons } = planned.value.nodes.get(id as never)!; return [action, ...reasons] }
  assert.equal([said('big'), said('after_big')], [['undetermined', '`when` reads what `numbers` will give'], ['undetermined', '`big` may be skipped']])
  assert.is(said('after_of_big')[0], 'undetermined')
})

test('a run leaves its events and logs in a folder of its own', async () => {
  const project = await Project.make({ 'plugin.ts': stages().replace("metric('count'", "console.log('made', params.n); metric('count'"), 'pipeline.yaml': pipeline })
  const { outcome, events } = await project.run()
  assert.is.not(outcome.status, 'refused')
  if (outcome.status === 'refused') return
  assert.equal((await readdir(outcome.runDir)).sort(), ['events.jsonl', 'numbers.log'])
  assert.is(await readFile(`${outcome.runDir}/numbers.log`, 'utf8'), 'made 4\n')
  const { readEvents } = await import('../src/events/log.js')
  const kept = []
  for await (const event of readEvents(outcome.runDir)) kept.push(event)
  assert.equal(kept, JSON.parse(JSON.stringify(events)))
})

test('secrets reach the stage, are not in the key, and are cut out of events and logs in every form', async () => {
  const secret = 'p@ss/wörd+42?'
  const project = await Project.make({
    'plugin.ts': plugin({
      'use/secret': {
        params: "token: { type: 'string' }",
        run: `async ({ params, env, outputs, log }) => {
          await outputs.rows.write({ length: params.token.length, same: params.token === env.TOKEN && process.env.TOKEN === env.TOKEN })
          console.log('plain ' + params.token); log(Buffer.from('user:' + params.token).toString('base64')); log(encodeURIComponent(params.token)); throw new Error('with ' + params.token) }`,
      },
    }),
    'pipeline.yaml': 'plugins: [./plugin.ts]\nstages:\n  s: { uses: use/secret, with: { token: "${{ secrets.TOKEN }}" }, env: { TOKEN: "${{ secrets.TOKEN }}" } }\n',
  })
  const refused = await project.run()
  assert.equal(refused.outcome.diagnostics.map(d => d.code), ['missing-secret'])
  const told = async (text: string) => {
    await project.write({ 'other.yaml': text })
    return (await planPipeline({ ...project.options, file: project.path('other.yaml'), machine: { cpus: 1, memory: 2 ** 30, gpus: 0 } })).diagnostics.map(d => [d.severity, d.code, d.hint])
  }
  assert.equal(await told('plugins: [./plugin.ts]\nstages:\n  s: { uses: use/secret, resources: { gpus: 1 }, with: { token: "${{ secrets.bad-name }}" } }\n'), [
    ['warning', 'missing-secret', 'Name it with letters, digits and _ alone: neither a shell nor .env can set HONE_SECRET_bad-name.'],
    ['warning', 'too-few-gpus', 'Lower "resources: { gpus }", or run it on a machine that has them.'],
  ], 'a plan is made, and says what a run would lack here')
  await project.write({ '.env': `HONE_SECRET_TOKEN='${secret}'\n` })
  const ran = await project.run()
  assert.is(ran.outcome.status, 'failed')
  const { runDir } = ran.outcome as { runDir: string }
  const all = (await Promise.all((await readdir(runDir)).map(f => readFile(`${runDir}/${f}`, 'utf8')))).join('\n') + JSON.stringify(ran.events)
  assert.ok(all.includes('plain ***'), all)
  for (const form of [secret, encodeURIComponent(secret), Buffer.from(secret).toString('base64'), Buffer.from(`user:${secret}`).toString('base64').slice(8, -4)]) assert.not.ok(all.includes(form), form)
})

test('of the environment a stage sees its own and what a machine needs, in a process and in a thread', async () => {
  const run = '({ outputs }) => outputs.rows.write({ own: process.env.OWN, path: process.env.PATH === undefined, leak: process.env.HONE_TEST_LEAK ?? null })'
  const project = await Project.make({
    'plugin.ts': plugin({ 'see/process': { run }, 'see/thread': { run, more: 'light: true,' } }),
    'pipeline.yaml': 'plugins: [./plugin.ts]\nstages:\n  a: { uses: see/process, env: { OWN: one } }\n  b: { uses: see/thread, env: { OWN: one } }\n  c: { uses: see/thread }\n',
  })
  process.env['HONE_TEST_LEAK'] = 'no'
  try {
    const { finished } = await project.run()
    const seen = async (stage: string) => JSON.parse(await readFile(finished[stage]!.outputs.rows!.path, 'utf8'))
    assert.equal(await seen('a'), { own: 'one', path: false, leak: null })
    assert.equal(await seen('b'), { own: 'one', path: false, leak: null })
    assert.equal(await seen('c'), { path: false, leak: null })
  } finally {
    delete process.env['HONE_TEST_LEAK']
  }
})

test('a result is published after a run and after a hit, and never over a file of somebody else', async () => {
  const publishing = pipeline.replace('inputs: { rows: [sum] } }', 'inputs: { rows: [sum] }, publish: { rows: out/last.jsonl } }')
  const project = await Project.make({ 'plugin.ts': stages(), 'pipeline.yaml': publishing })
  const out = () => readFile(project.path('out/last.jsonl'), 'utf8')
  const first = await project.run()
  assert.equal(first.events.filter(e => e.type === 'published').map(e => [e.port, e.path]), [['rows', 'out/last.jsonl']])
  assert.is(await out(), '{"value":6}\n')
  await project.remove('out')
  assert.equal(statuses(await project.run()), { numbers: 'hit', sum: 'hit', last: 'hit' })
  assert.is(await out(), '{"value":6}\n')
  assert.equal((await project.run()).events.filter(e => e.type === 'published'), [])
  await project.run({ set: ['n=3'] })
  assert.is(await out(), '{"value":3}\n')
  await project.write({ 'out/last.jsonl': 'mine' })
  const refused = ({ status, diagnostics }: RunOutcome) => {
    assert.equal([status, diagnostics.map(d => [d.code, d.severity, d.hint])], ['refused', [['publish-path', 'error', 'Move it away, or publish to another path.']]])
    assert.match(diagnostics[0]!.message, /^"last" cannot publish to out\/last\.jsonl: what is there was not written by hone, or was changed since\.$/)
  }
  refused((await project.run()).outcome)
  // Also before there is a result that would be published.
  refused((await project.run({ set: ['n=5'] })).outcome)
  const planned = await planPipeline({ ...project.options, set: ['n=5'] })
  assert.equal([planned.ok, planned.diagnostics.map(d => d.code)], [false, ['publish-path']])
  assert.is(await out(), 'mine')
  // Where hone no longer knows what it published, what is there may be what is made again.
  await project.remove('.hone/published.json')
  const forgotten = await planPipeline({ ...project.options, set: ['n=5'] })
  assert.equal([forgotten.ok, forgotten.diagnostics.map(d => [d.code, d.severity])], [true, [['publish-path', 'warning']]])
  await project.write({ 'out/last.jsonl': '{"value":6}\n' })
  assert.equal(statuses(await project.run()), { numbers: 'hit', sum: 'hit', last: 'hit' }, 'the same is as good as written')
})

test('a run that waits to publish says for whom, and an interrupt ends it', async () => {
  const project = await Project.make({ 'plugin.ts': stages(), 'pipeline.yaml': pipeline.replace('inputs: { rows: [sum] } }', 'inputs: { rows: [sum] }, publish: { rows: out/last.jsonl } }') })
  await mkdir(project.path('.hone'))
  const lock = await takeLock(realIo, project.path('.hone/published.lock'), () => project.path('.hone/fresh'), { signal: new AbortController().signal, node: 'theirs' })
  const cancel = new AbortController()
  const waits: string[] = []
  const released = setTimeout(() => void lock.release(), 20_000)
  const { status, ...ran } = await runPipeline({ ...project.options, cancel: cancel.signal }, [
    event => {
      if (event.type !== 'stage-waiting') return
      waits.push(`${event.stage} ${event.for.replace(/since .*/, '')}`)
      cancel.abort()
    },
  ])
  assert.equal([status, 'stages' in ran && ran.stages, waits], ['interrupted', { numbers: 'ran', sum: 'ran', last: 'cancelled' }, ['last theirs, which publishes ']])
  clearTimeout(released)
  await lock.release()
  assert.equal(statuses(await project.run()), { numbers: 'hit', sum: 'hit', last: 'hit' })
  assert.is(await readFile(project.path('out/last.jsonl'), 'utf8'), '{"value":6}\n')
})

test('two nodes of a run that make the same wait for one another by name', async () => {
  const project = await Project.make({
    'plugin.ts': plugin({ 'make/slow': { run: `async ({ outputs }) => { await new Promise(done => setTimeout(done, 300)); await outputs.rows.write({ a: 1 }) }` } }),
    'pipeline.yaml': 'plugins: [./plugin.ts]\nstages:\n  t: { uses: make/slow, matrix: { x: [1, 2] } }\n',
  })
  const { events, finished } = await project.run()
  const [waits] = events.flatMap(e => (e.type === 'stage-waiting' ? [e] : []))
  const [first, second] = waits?.stage === 't[x=2]' ? ['t[x=1]', 't[x=2]'] : ['t[x=2]', 't[x=1]']
  assert.match(waits?.for ?? '', /^t\[x=[12]\], which makes the same since \d/)
  assert.ok(waits!.for.startsWith(`${first},`), `${waits!.stage} waits for ${waits!.for}`)
  assert.equal([finished[first]!.status, finished[second]!.status], ['ran', 'hit'])
})

test('what a plan hashed is remembered also where nothing is run after it', async () => {
  const reading = plugin({ 'read/file': { params: "path: { type: 'string', artifact: { port: 'file' } }, token: { type: 'string' }", inputs: 'file: { kind: file }', run: '({ outputs }) => outputs.rows.write({ a: 1 })' } })
  const stage = (path: string, token = '') => `{ uses: read/file, with: { path: ${path}${token} } }`
  const wrong = {
    secret: `a: ${stage('big.bin', ', token: "${{ secrets.TOKEN }}"')}`,
    file: `a: ${stage('big.bin')}\n  b: ${stage('none.bin')}`,
    publication: `a: ${stage('big.bin').replace(/}$/, ', publish: { rows: kinds.ts } }')}`,
  }
  for (const [code, stages] of Object.entries(wrong)) {
    const project = await Project.make({ 'plugin.ts': reading, 'big.bin': 'big', 'pipeline.yaml': `plugins: [./plugin.ts]\nstages:\n  ${stages}\n` })
    for (const prepare of [() => project.run().then(ran => ran.outcome), () => planPipeline(project.options)]) {
      await rm(project.path('.hone/stat-index'), { force: true })
      const { diagnostics } = await prepare()
      assert.match(diagnostics.map(d => d.code).join(' '), /^(missing-secret|missing-file|publish-path)$/)
      assert.match(await readFile(project.path('.hone/stat-index'), 'utf8'), /^big\.bin\t/m, code)
    }
  }
})

test('nothing is started where the pipeline, a file or the plugin is wrong', async () => {
  const project = await Project.make({ 'plugin.ts': stages(), 'pipeline.yaml': pipeline.replace('uses: make/numbers', 'uses: make/nubers') })
  const { outcome, events } = await project.run()
  assert.equal([outcome.status, outcome.diagnostics.map(d => d.code), events], ['refused', ['unknown-stage-type'], []])
  assert.equal((await project.run({ file: project.path('absent.yaml') })).outcome.diagnostics.map(d => d.code), ['no-file'])
  assert.is(await access(project.path('.hone/runs')).then(() => 'there', () => 'absent'), 'absent')
})

test('what a parameter names is an input: one changed row reruns what reads it, and what changes under the run is not kept', async () => {
  const reader = plugin({
    'read/rows': {
      params: "path: { type: 'string', artifact: { port: 'source' } }",
      inputs: 'source: { kind: rows }',
      run: `async ({ inputs, outputs }) => { for await (const row of inputs.source) if (row.keep) await outputs.rows.write(row) }`,
    },
  })
  const project = await Project.make({ 'plugin.ts': reader, 'data/in.jsonl': '{"keep":true}\n{"keep":false}\n', 'pipeline.yaml': 'plugins: [./plugin.ts]\nstages:\n  read: { uses: read/rows, with: { path: data/in.jsonl } }\n' })
  assert.equal(statuses(await project.run()), { read: 'ran' })
  assert.equal(statuses(await project.run()), { read: 'hit' })
  await project.write({ 'data/in.jsonl': '{"keep":true}\n{"keep":0}\n' })
  assert.equal(statuses(await project.run()), { read: 'ran' })
  await project.write({ 'data/in.jsonl': '{"keep":true}\n{"keep":' })
  assert.match((await project.run()).finished.read!.failure!.message, /^data\/in\.jsonl:2 is not JSON/)
  await project.remove('data')
  assert.equal((await project.run()).outcome.diagnostics.map(d => d.code), ['missing-file'])
})

test.run()
