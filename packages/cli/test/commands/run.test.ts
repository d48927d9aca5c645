import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Project, shell } from '../../../../tests/rig.js'

const test = suite('run')
const pipeline = `name: words
params: { word: red, times: 2, tell: false }
stages:
  word: ${shell('echo "{\\"word\\":\\"${{ params.word }}\\"}" > "$HONE_OUTPUT_TO"')}
  many: ${shell('for i in $(seq ${{ params.times }}); do cat "$HONE_INPUT_WORD"; done > "$HONE_OUTPUT_TO"', 'publish: { to: out/many.jsonl }', 'word: word')}
  lines: ${shell('echo "counting"; echo "{\\"lines\\":$(wc -l < "$HONE_INPUT_MANY")}" > "$HONE_OUTPUT_TO"', '', 'many: many')}
`
const project = Project.make({ 'pipeline.yaml': pipeline })
const started = (events: readonly { type: string }[]) => events.flatMap(e => (e.type === 'stage-started' ? [(e as { type: string; stage: string }).stage] : []))

test('--dry-run says what would run and does nothing', async () => {
  const plan = await project.hone('run', 'pipeline.yaml', '--dry-run')
  assert.equal([plan.code, plan.stdout], [0, 'word   command/shell  run  no record yet\nmany   command/shell  run  no record yet (and 1 more)\nlines  command/shell  run  no record yet (and 1 more)\n\n3 run\nno earlier run tells how long it takes\n'])
  assert.equal((await project.run('--dry-run')).json, (await project.hone('plan', 'pipeline.yaml', '--json')).json)
  assert.equal([project.has('out'), project.has('.hone/runs')], [false, false])
})

test('under --json --dry-run prints one object, warnings or none', async () => {
  const warned = Project.make({ 'a.csv': 'a\n1\n', 'pipeline.yaml': 'stages:\n  a: { uses: ingest/table, with: { path: a.csv, paths: [b] } }\n' })
  assert.match((await warned.hone('run', 'pipeline.yaml', '--dry-run')).stderr, /\(unused-parameter\)/)
  const { code, stdout } = await warned.hone('run', 'pipeline.yaml', '--dry-run', '--json')
  assert.equal([code, Object.keys(JSON.parse(stdout) as object)], [0, ['stages', 'expected']])
})

test('the events of a run are JSON, an event a line, dated and signed, from the first to the last', async () => {
  const ran = await project.run()
  assert.equal([ran.code, ran.stderr], [0, ''])
  const { events } = ran
  const [first, last] = [events[0]!, events.at(-1)!]
  assert.ok(events.every(e => e.run === first.run && !Number.isNaN(Date.parse(e.at))))
  assert.is(first.type, 'run-started')
  if (first.type !== 'run-started') return
  assert.equal(
    { ...first, at: '', run: '' },
    {
      type: 'run-started', at: '', run: '', pipeline: 'words', file: 'pipeline.yaml', args: ['run', 'pipeline.yaml', '--json'], params: { word: 'red', times: 2, tell: false },
      stages: [
        { stage: 'word', uses: 'command/shell', action: 'run', reasons: ['no record yet'], needs: [] },
        { stage: 'many', uses: 'command/shell', action: 'run', reasons: ['no record yet', 'input word: upstream `word` will run'], needs: ['word'] },
        { stage: 'lines', uses: 'command/shell', action: 'run', reasons: ['no record yet', 'input many: upstream `many` will run'], needs: ['many'] },
      ],
    },
  )
  assert.is(last.type, 'run-finished')
  if (last.type === 'run-finished') assert.equal([last.status, last.stages, Number.isInteger(last.durationMs)], ['succeeded', { word: 'ran', many: 'ran', lines: 'ran' }, true])
  assert.equal(started(events), ['word', 'many', 'lines'])
  const many = ran.finished('many')
  assert.match(many.key!, /^[0-9a-f]{64}$/)
  assert.equal([many.uses, many.status, Object.keys(many.outputs)], ['command/shell', 'ran', ['to']])
  const { digest, path, kind, bytes } = many.outputs.to!
  assert.equal([path, kind, bytes], [project.path('.hone/objects', digest.slice(0, 2), digest), 'rows', 30])
  assert.is(project.read('out/many.jsonl'), '{"word":"red"}\n{"word":"red"}\n')
  assert.equal(ran.of('published').map(e => [e.stage, e.port, e.path]), [['many', 'to', 'out/many.jsonl']])
  assert.equal(ran.of('output').map(e => [e.stage, e.stream, e.text]), [['lines', 'stdout', 'counting\n']])
})

test('again, all are hits that say nothing more than that, with the same keys and outputs', async () => {
  const again = await project.run()
  assert.equal(again.events.map(e => e.type), ['run-started', 'stage-finished', 'stage-finished', 'stage-finished', 'run-finished'])
  assert.equal(again.statuses, { word: 'hit', many: 'hit', lines: 'hit' })
})

test('without a terminal the text is plain lines and a table, and no colours', async () => {
  const ran = await project.hone('run', 'pipeline.yaml', '--force=lines')
  assert.is(ran.code, 0)
  assert.is(
    ran.stdout.replace(/\b\d+(\.\d)? m?s\b/g, 'TIME').replace(/ +/g, ' '),
    `word: hit
many: hit
lines: command/shell starts: forced
lines: ran in TIME

word command/shell hit
many command/shell hit
lines command/shell ran TIME

succeeded: 1 ran, 2 hit in TIME
`,
  )
  const colours = (env: Record<string, string>) => project.start(['run', 'pipeline.yaml'], { env }).ended.then(e => e.stdout.includes('\u001b['))
  assert.equal([await colours({ FORCE_COLOR: '1' }), await colours({ FORCE_COLOR: '1', NO_COLOR: '1' }), await colours({ TERM: 'xterm' })], [true, false, false])
})

test('--set and --params give parameters, --set the last word; a published file follows', async () => {
  project.write({ 'some where/params.yaml': 'word: blue\ntimes: 3\n' })
  const ran = await project.run('--params', 'some where/params.yaml', '--set', 'times=1')
  assert.equal(ran.statuses, { word: 'ran', many: 'ran', lines: 'ran' })
  assert.equal((ran.events[0] as { params?: unknown }).params, { word: 'blue', times: 1, tell: false })
  assert.is(project.read('out/many.jsonl'), '{"word":"blue"}\n')
  assert.equal((await project.run()).statuses, { word: 'hit', many: 'hit', lines: 'hit' })
  assert.is(project.read('out/many.jsonl'), '{"word":"red"}\n{"word":"red"}\n', 'back to the default: nothing runs, and what is published is it again')
})

test('a parameter that is not there, of another type, or a file that is not there, is refused', async () => {
  const refused = async (...args: string[]) => {
    const { code, stdout, stderr } = await project.hone('run', 'pipeline.yaml', ...args)
    assert.equal([code, stdout], [2, ''])
    return stderr
  }
  assert.is(await refused('--set', 'wrod=blue'), 'error: --set wrod: the pipeline has no parameter "wrod". (unknown-parameter)\n  hint: Did you mean "word"?\n\n1 error\n')
  assert.is(await refused('--set', 'times=many'), 'error: --set times=many: "times" takes a number, as its default 2 is. (parameter-type)\n  hint: For example --set times=2.\n\n1 error\n')
  assert.is(await refused('--set', '=3'), 'error: --set =3: the name of a parameter is missing. (unknown-parameter)\n  hint: Write --set NAME=3.\n\n1 error\n')
  assert.is(await refused('--params-file', 'p.yaml'), "error: unknown option '--params-file'\n(Did you mean --params?)\n")
  assert.match(await refused('--params', 'none.yaml'), /^error: there is no file of parameters .*none\.yaml \(no-file\)\n/)
})

test('--force runs all that is selected, --force=STAGE one; what comes out equal ends it', async () => {
  assert.equal((await project.run('--force=word')).statuses, { word: 'ran', many: 'hit', lines: 'hit' })
  assert.equal((await project.run('many', '--force')).statuses, { word: 'ran', many: 'ran' })
  assert.equal((await project.hone('run', '--force', 'pipeline.yaml', 'word', '--json')).statuses, { word: 'ran' })
  const bare = await project.run('--force', 'many')
  assert.equal([bare.statuses, bare.stderr], [{ word: 'ran', many: 'ran' }, '--force by itself is of all that is selected: many with what it needs. Of many alone: --force=many\n'])
})

test('--only wants hits before it, --from runs what follows, a name runs it with what it needs', async () => {
  assert.equal((await project.run('--from', 'many')).statuses, { word: 'hit', many: 'ran', lines: 'ran' })
  const refused = await project.hone('run', 'pipeline.yaml', '--only', 'lines', '--set', 'word=green')
  assert.equal([refused.code, refused.stdout], [2, ''])
  assert.match(refused.stderr, /\(not-a-hit\)\n(?:.*\n)* {2}hint: Run it, or leave out --only: hone run pipeline\.yaml many --set word=green\n/)
  assert.equal((await project.run('word', '--set', 'word=green')).statuses, { word: 'ran' })
  assert.equal((await project.run('--only', 'many', '--set', 'word=green')).statuses, { word: 'hit', many: 'ran' })
})

test('a failed stage exits 1, says why and what to type next; --keep-going goes on with the rest', async () => {
  const project = Project.make({
    'pipeline.yaml': `stages:
  bad: ${shell('echo "one"; echo "no such luck" >&2; exit 4')}
  after: ${shell('cp "$HONE_INPUT_BAD" "$HONE_OUTPUT_TO"', '', 'bad: bad')}
  other: ${shell('sleep 0.3; echo "{}" > "$HONE_OUTPUT_TO"')}
  last: ${shell('cp "$HONE_INPUT_OTHER" "$HONE_OUTPUT_TO"', '', 'other: other')}
`,
  })
  const ran = await project.run('--jobs', '1')
  assert.is(ran.code, 1)
  assert.equal(ran.statuses, { bad: 'failed', after: 'skipped', other: 'skipped', last: 'skipped' })
  const { failure, because } = ran.finished('bad')
  assert.equal([failure?.reason, failure?.message, failure?.output?.tail, because], ['threw', 'the command ended with exit code 4', 'one\nno such luck', ['no record yet']])
  assert.equal(ran.finished('other').because, ['not started after another stage failed; --keep-going goes on'])
  const text = await project.hone('run', 'pipeline.yaml', '--keep-going')
  assert.is(text.code, 1)
  assert.match(text.stdout, 'bad: failed: the command ended with exit code 4\n')
  assert.match(text.stdout, /\nfailed: bad \(command\/shell\): the command ended with exit code 4\n {2}\| one\n {2}\| no such luck\n {2}all of it: \.hone\/runs\/[^/]+\/bad\.log\n/)
  assert.match(text.stdout, /\nfailed: 2 ran, 1 failed, 1 skipped in .*\n\nnext: hone show \S+ bad --log\n$/)
})

test('stages skipped by `when` alone exit 0', async () => {
  const project = Project.make({ 'pipeline.yaml': `params: { tell: false }\nstages:\n  told: ${shell('echo "{}" > "$HONE_OUTPUT_TO"', 'when: "${{ params.tell }}"')}\n` })
  const ran = await project.run()
  assert.equal([ran.code, ran.statuses, ran.finished('told').because], [0, { told: 'skipped' }, ['`when` is false']])
})

test('a file in another folder is run from anywhere; its paths are those of its project', async () => {
  project.write({ 'sub/deep/.keep': '' })
  const ran = await project.start(['run', '../../pipeline.yaml', '--json'], { cwd: 'sub/deep' }).ended
  assert.equal(ran.statuses, { word: 'hit', many: 'hit', lines: 'hit' })
  assert.not.ok(project.has('sub/deep/.hone'))
})

test('wrong usage exits 2 and says what is wrong', async () => {
  for (const [args, message] of [
    [['run'], "error: missing required argument 'file'\n"],
    [['frobnicate'], "error: unknown command 'frobnicate'\n"],
    [['rum', 'pipeline.yaml'], "error: unknown command 'rum'\n(Did you mean run?)\n"],
    [['run', 'pipeline.yaml', '--jobs', '0'], "error: option '-j, --jobs <n>' argument '0' is invalid. a whole number from 1 up is wanted.\n"],
    [['run', 'pipeline.yaml', '--kep-going'], "error: unknown option '--kep-going'\n(Did you mean --keep-going?)\n"],
    [['run', 'none.yaml'], `error: there is no pipeline ${project.path('none.yaml')} (no-file)\n\n1 error\n`],
  ] as const) {
    const { code, stdout, stderr } = await project.hone(...args)
    assert.equal([code, stdout, stderr], [2, '', message])
  }
  assert.equal((await project.hone('run', 'none.yaml', '--json')).json, { diagnostics: [{ code: 'no-file', severity: 'error', message: `there is no pipeline ${project.path('none.yaml')}` }] })
})

test('our own mistake exits 70 and says that it is ours', async () => {
  const broken = await project.start(['runs'], { env: { NODE_OPTIONS: '--import=data:text/javascript,process.cwd=()=>{throw%20new%20Error(`Internal:%20made%20up`)}' } }).ended
  assert.is(broken.code, 70, broken.stderr)
  assert.match(broken.stderr, /Internal: made up[^]*\nThis is a defect of hone itself, not of your pipeline\.\n$/)
})

test('whoever stops reading ends a command without a trace of ours', async () => {
  const running = project.start(['stages'])
  running.child.stdout!.destroy()
  const { code, stderr } = await running.ended
  assert.equal([code, stderr], [0, ''])
})

test.run()
