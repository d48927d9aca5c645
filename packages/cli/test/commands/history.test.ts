import { readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Project, shell, type Ended } from '../../../../tests/rig.js'

const test = suite('runs, show, artifacts')
const project = Project.make({
  'pipeline.yaml': `name: history
params: { fail: false }
stages:
  made: ${shell('echo "made here"; echo "{\\"a\\":1}" > "$HONE_OUTPUT_TO"')}
  next: ${shell('if ${{ params.fail }}; then echo "about to fail" >&2; exit 3; fi; cat "$HONE_INPUT_MADE" "$HONE_INPUT_MADE" > "$HONE_OUTPUT_TO"', '', 'made: made')}
  several:
    uses: command/shell
    inputs: { made: made }
    with: { command: 'cp "$HONE_INPUT_MADE" "$HONE_OUTPUT_ONE"; mkdir -p "$HONE_OUTPUT_TREE/in side"; echo leaf > "$HONE_OUTPUT_TREE/in side/leaf.txt"', outputs: { one: rows, tree: folder } }
`,
})
let ids: readonly string[] = []
const blank = (text: string) => text.replace(/\d{8}-\d{6}-\d{3}-[0-9a-z]{4}/g, 'RUN').replace(/\b\d+(\.\d)? m?s\b/g, 'TIME').replace(/ +/g, ' ')

test('before the first run there are none, and `last` is not there', async () => {
  assert.is((await project.hone('runs')).stdout, 'No runs yet.\n')
  const show = await project.hone('show', 'last')
  assert.equal([show.code, show.stdout], [2, ''])
  assert.is(show.stderr, `error: There is no run "last" in ${project.path('.hone/runs')}. \`hone runs\` lists them.\n`)
  assert.match((await project.hone('show', 'last', '--json')).json.error, /^There is no run "last"/)
})

test('runs lists them newest first, with what became of their stages', async () => {
  const first = await project.run()
  assert.is(first.code, 0, first.stderr)
  assert.is((await project.run('--set', 'fail=true', '--keep-going')).code, 1)
  const { runs } = (await project.hone('runs', '--json')).json as { runs: { run: string; pipeline: string; file: string; status: string; stages: string }[] }
  ids = runs.map(r => r.run)
  assert.equal(runs.map(({ pipeline, file, status, stages }) => [pipeline, file, status, stages]), [
    ['history', 'pipeline.yaml', 'failed', '2 hit, 1 failed'],
    ['history', 'pipeline.yaml', 'succeeded', '3 ran'],
  ])
  assert.is(ids[1], first.of('run-started')[0]!.run)
  assert.is(blank((await project.hone('runs')).stdout), 'run pipeline status took stages\nRUN history failed TIME 2 hit, 1 failed\nRUN history succeeded TIME 3 ran\n')
  assert.equal((await project.hone('runs', '--limit', '1', '--json')).json.runs.length, 1)
  assert.equal((await project.hone('runs', '--pipeline', 'other', '--json')).json.runs, [])
  assert.equal((await project.hone('runs', '--pipeline', 'pipeline.yaml', '--status', 'failed', '--json')).json.runs.map((r: { run: string }) => r.run), [ids[0]], 'a pipeline is also named by its file')
  assert.equal((await project.hone('runs', '--since', '1h', '--json')).json.runs.length, 2)
  assert.equal((await project.hone('runs', '--since', '2999-01-01', '--json')).json.runs, [])
  assert.is((await project.hone('runs', '--status', 'interrupted')).stdout, 'No run is like that.\n')
  const refused = async (...args: string[]) => (await project.hone('runs', ...args)).stderr
  assert.is(await refused('--status', 'fine'), 'error: There is no status "fine"; there are succeeded, failed, interrupted, unfinished.\n')
  assert.is(await refused('--since', 'tuesday'), 'error: "tuesday" is no time: write a date (2026-11-25, 2026-11-25T10:00) or how long ago (2h, 3d).\n')
  assert.is((await project.start(['runs', '--limit', '1', '--json'], { cwd: '.hone' }).ended).json.runs.length, 1, 'also from a folder below')
})

test('a run that was killed is listed as unfinished, by what it told', async () => {
  const id = '20200101-000000-000-aaaa'
  const lines = project.read(`.hone/runs/${ids[1]!}/events.jsonl`).split('\n')
  project.write({ [`.hone/runs/${id}/events.jsonl`]: `${lines.slice(0, 3).join('\n')}\n{"type":"stage-fin` })
  const { runs } = (await project.hone('runs', '--status', 'unfinished', '--json')).json as { runs: { run: string; pipeline: string; durationMs: null }[] }
  assert.equal(runs.map(r => [r.run, r.pipeline, r.durationMs]), [[id, 'history', null]])
  assert.equal((await project.hone('runs', '--since', '2020-01-02', '--json')).json.runs.length, 2, 'when it began is in its name')
})

test('show tells of a run by its id, by how it begins, `last` or `last~1`', async () => {
  assert.is((await project.hone('show', 'last~1', '--json')).json.run, ids[1])
  assert.is(blank((await project.hone('show', ids[1]!)).stdout).replace(/begun [-\d: ]+ UTC/, 'begun THEN UTC'), 'history (pipeline.yaml) succeeded in TIME\nRUN, begun THEN UTC\nhone run pipeline.yaml --json\nparams: fail false\n\nmade command/shell ran TIME no record yet\nnext command/shell ran TIME no record yet\nseveral command/shell ran TIME no record yet\n')
  const { run, status, args, params, stages } = (await project.hone('show', 'last', '--json')).json
  assert.equal([run, status, args, params], [ids[0], 'failed', ['run', 'pipeline.yaml', '--set', 'fail=true', '--keep-going', '--json'], { fail: true }])
  assert.equal(Object.entries(stages).map(([name, s]) => [name, (s as { status: string }).status]), [['made', 'hit'], ['next', 'failed'], ['several', 'hit']])
  assert.is((await project.hone('show', ids[1]!.slice(0, 19), '--json')).json.run, ids[1])
})

test('show tells of a stage: why it ran, what it left, how it failed, and what it printed', async () => {
  const made = (await project.hone('show', ids[1]!, 'made', '--json')).json
  assert.equal([made.status, made.because, Object.keys(made.outputs), made.failures], ['ran', ['no record yet'], ['to'], []])
  assert.is((await project.hone('show', ids[1]!, 'made', '--log')).stdout, 'made here\n')
  assert.is((await project.hone('show', ids[1]!, 'made', '--log', '--json')).json.text, 'made here\n')
  const failed = await project.hone('show', 'last', 'next')
  assert.is(
    blank(failed.stdout).replace(/(key: )[0-9a-f]{64}/, '$1KEY').replace(/params\.command: .*/, 'params.command: …'),
    `next (command/shell): failed in TIME
 because: params.command: …
 key: KEY
 log: hone show RUN next --log
failed: next (command/shell): the command ended with exit code 3
 | about to fail
 all of it: .hone/runs/RUN/next.log
`,
  )
  assert.is((await project.hone('show', 'last', 'next', '--log')).stdout, 'about to fail\n')
  const wrong = await project.hone('show', 'last', 'mad')
  assert.equal([wrong.code, wrong.stderr], [2, `error: The run ${ids[0]} has no stage "mad". Did you mean "made"?\n`])
})

test('show of a run that failed ends with why, and --log without a stage names them', async () => {
  assert.match(blank((await project.hone('show', 'last')).stdout), /\nnext command\/shell failed TIME .*\nseveral .*\n\nfailed: next \(command\/shell\): the command ended with exit code 3\n \| about to fail\n all of it: /)
  const log = await project.hone('show', 'last', '--log')
  assert.equal([log.code, log.stderr], [2, 'error: --log is of one stage: hone show last STAGE --log. There are made, next, several.\n'])
})

test('artifacts says where a result is, and --out copies it with a name that says what it is', async () => {
  const one = await project.hone('artifacts', 'pipeline.yaml', 'next')
  assert.is(project.read(one.stdout.trim().slice(project.root.length + 1)), '{"a":1}\n{"a":1}\n')
  const both = (await project.hone('artifacts', 'pipeline.yaml', 'several', '--json')).json.artifacts as { node: string; port: string; kind: string; form: string; bytes: number; path: string }[]
  assert.equal(both.map(({ node, port, kind, form, bytes }) => [node, port, kind, form, bytes]), [['several', 'one', 'rows', 'file', 8], ['several', 'tree', 'folder', 'folder', 5]])
  const copied = async (what: string, ...more: string[]): Promise<Ended> => project.hone('artifacts', 'pipeline.yaml', what, '--out', ...more)
  assert.is((await copied('several.one', 'copy of it')).code, 0)
  assert.is(project.read('copy of it/one.jsonl'), '{"a":1}\n')
  assert.equal((await copied('several.tree', 'tree', '--json')).json, { copied: [project.path('tree')] })
  assert.is(project.read('tree/in side/leaf.txt'), 'leaf\n')
  assert.is((await copied('several', 'all')).code, 0)
  assert.equal([project.read('all/several.one.jsonl'), project.read('all/several.tree/in side/leaf.txt')], ['{"a":1}\n', 'leaf\n'])
  project.write({ 'copy of it/one.jsonl': 'mine\n' })
  const again = await copied('several.one', 'copy of it')
  assert.equal([again.code, again.stderr], [2, `error: ${project.path('copy of it/one.jsonl')} is there already; nothing was copied.\n`])
  assert.is(project.read('copy of it/one.jsonl'), 'mine\n')
  assert.equal((await copied('several.tree', 'tree', '--json')).json, { copied: [project.path('tree/tree')] }, 'into a folder that holds something it goes under its own name')
  const folder = await copied('several.tree', 'tree')
  assert.equal([folder.code, folder.stderr], [2, `error: ${project.path('tree/tree/in side/leaf.txt')} is there already; nothing was copied.\n`], 'folders are joined, files are not replaced')
})

test('what somebody added to a folder in the store is not copied with it', async () => {
  const { path } = (await project.hone('artifacts', 'pipeline.yaml', 'several.tree', '--json')).json.artifacts[0] as { path: string }
  writeFileSync(join(path, 'added.txt'), 'added\n')
  assert.is((await project.hone('artifacts', 'pipeline.yaml', 'several.tree', '--out', 'without')).code, 0)
  rmSync(join(path, 'added.txt'))
  assert.equal(readdirSync(project.path('without')), ['in side'])
})

test('what has no current result, and what is no stage or port, is refused with what to type', async () => {
  const refused = async (what: string, ...more: string[]) => {
    const { code, stderr, stdout } = await project.hone('artifacts', 'pipeline.yaml', what, ...more)
    assert.equal([code, stdout], [2, ''])
    return stderr
  }
  assert.match(await refused('next', '--set', 'fail=true'), /^error: next has no current result \(run: .*\)\.\n {2}hint: hone run pipeline\.yaml next --set fail=true\n$/)
  assert.is(await refused('nxt'), 'error: pipeline.yaml: The pipeline has no stage "nxt".\n  hint: Did you mean "next"?\n')
  assert.is(await refused('next[n=1]'), 'error: pipeline.yaml: "next" has no axis "n".\n  hint: It is one node: write next.\n')
  assert.is(await refused('several.tre'), 'error: several has no output "tre". Did you mean "tree"?\n')
  assert.is(await refused('several.rows'), 'error: several has no output "rows". Its outputs are one, tree.\n')
})

test('artifacts, show and why take members by any of their axes, and no stage of a like name', async () => {
  const project = Project.make({ 'pipeline.yaml': `stages:\n  t: ${shell('echo "{}" > "$HONE_OUTPUT_TO"')}\n  tuned: ${shell('echo ${{ matrix.x }}${{ matrix.y }}; echo "{}" > "$HONE_OUTPUT_TO"', 'matrix: { x: [1, 2], y: [a, b] }')}\n` })
  assert.is((await project.run()).code, 0)
  const nodes = async (wanted: string) => (await project.hone('artifacts', 'pipeline.yaml', wanted, '--json')).json.artifacts.map((a: { node: string }) => a.node)
  assert.equal(await nodes('tuned[x=2].to'), ['tuned[x=2,y=a]', 'tuned[x=2,y=b]'])
  assert.equal(await nodes('tuned[y="b",x=2]'), ['tuned[x=2,y=b]'])
  const why = await project.hone('why', 'pipeline.yaml', 'tuned[y=b]', '--json')
  assert.equal(why.json.nodes.map((n: { node: string }) => n.node), ['tuned[x=1,y=b]', 'tuned[x=2,y=b]'])
  assert.is((await project.hone('show', 'last', 'tuned[y=b,x=2]', '--log')).stdout, '2b\n')
  const several = await project.hone('show', 'last', 'tuned[x=2]')
  assert.match(several.stderr, /^error: "tuned\[x=2\]" means 2 of the run .*; name one of tuned\[x=2,y=a\], tuned\[x=2,y=b\]\.\n$/)
  assert.match((await project.hone('show', 'last', 'tuned[x=3]')).stderr, /^error: The run .*: "tuned" has no member x=3\. There are tuned\[x=1,y=a\], /)
})

test.run()
