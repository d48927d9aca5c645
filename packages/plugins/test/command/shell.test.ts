import { existsSync } from 'node:fs'
import { mkdtemp, readFile, realpath } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { shell } from '../../src/command/shell.js'
import { runStage, StageFailed } from '../context.js'

const out = (command: string, extra: Parameters<typeof runStage>[1] = {}) => runStage(shell, { ...extra, params: { command, outputs: { out: 'file' }, ...extra.params } })

test('it reads its inputs and writes its outputs by the environment, names in upper case', async () => {
  const { text } = await runStage(shell, {
    params: { command: 'wc -l < "$HONE_INPUT_MY_ROWS" > "$HONE_OUTPUT_HOW_MANY"', outputs: { 'how-many': 'file' } },
    inputs: { 'my-rows': [{ id: '1' }, { id: '2' }] },
  })
  assert.is((await text('how-many')).trim(), '2')
})

test('it sees PATH, HOME, LANG, TMPDIR, its own environment and nothing else of the machine', async () => {
  process.env.NOT_FOR_YOU = 'secret'
  const { text } = await out('env | sed "s/=.*//" > "$HONE_OUTPUT_OUT"; echo "$MINE" >> "$HONE_OUTPUT_OUT"', { env: { MINE: 'mine' } })
  const names = (await text('out')).trim().split('\n')
  assert.ok(names.includes('mine') && names.includes('PATH') && names.includes('HONE_SCRATCH'))
  const rest = names.filter(n => !/^(PATH|HOME|LANG|TMPDIR|MINE|mine|HONE_(OUTPUT_OUT|SCRATCH)|PWD|SHLVL|_|OLDPWD)$/.test(n))
  assert.equal(rest, [])
})

test('what it starts in the background is waited for, and not after an interrupt', async () => {
  const { text } = await out('exec 4> "$HONE_OUTPUT_OUT"; ( sleep 0.5; echo later >&4 ) > /dev/null 2>&1 & echo first >&4')
  assert.is(await text('out'), 'first\nlater\n')
  const control = new AbortController()
  const startedAt = performance.now()
  setTimeout(() => control.abort(new Error('enough')), 500)
  try {
    await out('sleep 30 & echo a > "$HONE_OUTPUT_OUT"', { signal: control.signal })
    assert.unreachable('it was interrupted')
  } catch (error) {
    assert.match((error as Error).message, /enough/)
  }
  assert.ok(performance.now() - startedAt < 5000)
})

test('it runs in the project root', async () => {
  const projectRoot = await realpath(await mkdtemp(join(tmpdir(), 'hone a b-')))
  const { text } = await out('pwd > "$HONE_OUTPUT_OUT"', { projectRoot })
  assert.is((await text('out')).trim(), projectRoot)
})

test('many inputs are a folder with an entry each and an index in their order', async () => {
  const { text } = await out('cd "$HONE_INPUT_TABLES"; cat index.json > "$HONE_OUTPUT_OUT"; cat 000* 001* | wc -l >> "$HONE_OUTPUT_OUT"', {
    inputs: { tables: [['rank=8, x', [{ a: 1 }]], ['rank=4', [{ a: 1 }, { a: 2 }]]] as const },
  })
  const parts = (await text('out')).trim().split('\n')
  assert.is(parts.pop()!.trim(), '3')
  assert.equal(JSON.parse(parts.join('\n')), [
    { label: 'rank=8, x', path: '000-rank=8_x.jsonl', kind: 'rows' },
    { label: 'rank=4', path: '001-rank=4.jsonl', kind: 'rows' },
  ])
})

test('the first command that fails ends it, in a pipe too, and it may be tried again', async () => {
  for (const command of ['false; echo never > "$HONE_OUTPUT_OUT"', 'false | true', 'echo "$NOT_SET"', 'exit 3']) {
    try {
      await out(command)
      assert.unreachable(command)
    } catch (e) {
      assert.match((e as Error).message, /^the command ended with exit code \d+$/)
      assert.is((e as Error).name, 'Error', 'a plain throw, which retry tries again')
    }
  }
})

test('an interrupt ends the command', async () => {
  const abort = new AbortController()
  const started = Date.now()
  const running = out('exec sleep 20', { signal: abort.signal })
  setTimeout(() => abort.abort(new Error('interrupted')), 200)
  try {
    await running
    assert.unreachable('it must be interrupted')
  } catch (e) {
    assert.is((e as Error).message, 'interrupted')
  }
  assert.ok(Date.now() - started < 8000)
})

test('the scratch stays for the next attempt', async () => {
  const scratch = await mkdtemp(join(tmpdir(), 'hone-scratch-'))
  const command = 'if [ -e "$HONE_SCRATCH/half" ]; then cp "$HONE_SCRATCH/half" "$HONE_OUTPUT_OUT"; else echo half > "$HONE_SCRATCH/half"; exit 1; fi'
  await out(command, { scratch }).catch(() => {})
  const { paths } = await out(command, { scratch })
  assert.is((await readFile(paths.out!, 'utf8')).trim(), 'half')
  assert.ok(existsSync(join(scratch, 'half')))
})

test('two outputs of one name in the environment are refused before the run', async () => {
  const problems = await shell.check!({ params: { command: 'x', files: [], outputs: { 'a-b': 'file', a_b: 'file' } }, inputs: {}, upstream: {} })
  assert.equal(problems, [{ message: 'the outputs "a-b" and "a_b" would both be HONE_OUTPUT_A_B', param: 'outputs/a_b', hint: 'Give one of them another name.' }])
})

test('so are two inputs', async () => {
  const problems = await shell.check!({ params: { command: 'x', files: [], outputs: { out: 'file' } }, inputs: {}, upstream: { 'i-j': [], rows: [], i_j: [] } })
  assert.equal(problems, [{ message: 'the inputs "i-j" and "i_j" would both be HONE_INPUT_I_J', hint: 'Give one of them another name.' }])
})

test('the numbers of a JSON object in an output of kind metrics are metrics of the stage', async () => {
  const scored = (json: string, outputs: Record<string, string> = { scores: 'metrics' }) => runStage(shell, { params: { command: Object.keys(outputs).map(name => `echo '${json}' > "$HONE_OUTPUT_${name.toUpperCase()}"`).join('; '), outputs } })
  assert.equal((await scored('{"score": 9, "loss": -0.5, "model": "mine", "by": {"task": 1}}')).metrics, { score: 9, loss: -0.5 })
  assert.equal((await scored('{"score": 9}', { scores: 'file' })).metrics, {})
  for (const [json, message] of [['[1]', /^the output "scores" is no JSON object$/], ['score: 9', /^the output "scores" is not JSON: /]] as const) {
    try {
      await scored(json)
      assert.unreachable(json)
    } catch (e) {
      assert.instance(e, StageFailed)
      assert.match((e as Error).message, message)
      assert.is((e as StageFailed).param, 'outputs/scores')
    }
  }
  try {
    await scored('{"score": 9}', { one: 'metrics', two: 'metrics' })
    assert.unreachable('one would be lost')
  } catch (e) {
    assert.is((e as Error).message, 'the outputs "one" and "two" both give the metric "score"')
  }
})

test.run()
