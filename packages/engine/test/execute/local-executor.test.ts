import { mkdir, mkdtemp, readFile, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { setTimeout as sleep } from 'node:timers/promises'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { LocalExecutor } from '../../src/execute/local-executor.js'
import type { StageEvent, StageRequest, StageResult } from '../../src/execute/request.js'
import type { Digest } from '../../src/artifacts/types.js'

const plugin = `
const rows = { id: 'rows', summary: 'JSON objects.', form: 'file', extension: 'jsonl', rows: { check: r => (typeof r === 'object' ? undefined : 'a row must be an object') } }
let calls = 0
const bodies = {
  async good({ params, inputs, outputs, metric, progress, log }) {
    for (let i = 0; i < 1000; i++) progress(i, 1000, 'rows')
    if (inputs.rows) for await (const row of inputs.rows) await outputs.rows.write({ ...row, seen: true })
    else await outputs.rows.write({ pid: process.pid, calls: ++calls, env: { ...process.env } })
    metric('n', 3)
    console.log('printed by ' + params.name)
    console.error('to stderr')
    log('logged')
  },
  async named({ outputs, metric }) { await outputs.rows.write({}); metric('constructor', 1, 1); metric('__proto__', 2); metric('valueOf', 3) },
  throws() { console.log('before it threw'); throw new RangeError('the rank is wrong') },
  async silent({ outputs }) { await outputs.rows.write({}) },
  async mutters({ outputs }) { await outputs.rows.write({}); process.stdout.write('half a line') },
  async despairs({ log }) {
    log('look away')
    for (let i = 0; i < 300; i++) console.log('a line')
    throw new Error('and ends')
  },
  async complains({ outputs }) { await outputs.rows.write({}); console.error('on stderr alone') },
  fails({ fail }) { fail('the column "a" is not there', 'columns/0', 'Name another.') },
  rejects: () => new Promise(() => { Promise.reject(new Error('nobody handled this')) }),
  exits() { console.log('last words'); process.exit(3) },
  spins() { for (;;); },
  segfaults() { process.kill(process.pid, 'SIGSEGV'); for (;;); },
  async undeclared({ outputs }) { await outputs.other.write({}) },
  async bad({ outputs }) { await outputs.rows.write('text') },
  async saves({ signal, scratch }) {
    const { writeFileSync } = await import('node:fs')
    writeFileSync(scratch + '/started', String(process.pid))
    await new Promise(done => signal.addEventListener('abort', done, { once: true }))
    writeFileSync(scratch + '/saved', 'yes')
    throw signal.reason
  },
  ignores: async ({ scratch }) => {
    const { writeFileSync } = await import('node:fs')
    process.on('SIGTERM', () => {})
    writeFileSync(scratch + '/started', String(process.pid))
    await new Promise(done => setTimeout(done, 60000))
  },
}
const stage = name => ({ id: 'test/' + name, version: 1, summary: '', params: { schema: { type: 'object' } }, inputs: { rows: { kind: rows, optional: true } }, outputs: { rows: { kind: rows } }, determinism: 'bytes', run: async () => ({ default: bodies[name] }) })
export default { name: 'test', api: 1, stages: Object.keys(bodies).map(stage) }
`

const root = await mkdtemp(join(tmpdir(), 'hone exec '))
await writeFile(join(root, 'plugin.mjs'), plugin)
const executor = new LocalExecutor({ cwd: root, patience: { cancelMs: 2000, termMs: 1000 } })

let count = 0
interface Ran {
  result: StageResult
  events: StageEvent[]
  output: string
  scratch: string
  path: string
}
async function run(name: string, options: { light?: boolean; timeoutMs?: number; rows?: string; cancel?: AbortSignal; kill?: AbortSignal; env?: Record<string, string>; scratch?: string } = {}): Promise<Ran> {
  const dir = join(root, String(count++))
  const scratch = options.scratch ?? join(dir, 'scratch')
  await mkdir(scratch, { recursive: true })
  if (options.rows !== undefined) await writeFile(join(dir, 'in.jsonl'), options.rows)
  const events: StageEvent[] = []
  let output = ''
  const request: StageRequest = {
    plugin: { name: 'test', module: pathToFileURL(join(root, 'plugin.mjs')).href },
    providers: [],
    uses: `test/${name}`,
    node: name,
    params: { name },
    inputs: options.rows === undefined ? {} : { rows: [{ kind: 'rows', path: join(dir, 'in.jsonl'), digest: '' as Digest, label: '', reference: 'data/in.jsonl' }] },
    manyInputs: [],
    outputs: { rows: { kind: 'rows', form: 'file', path: join(dir, 'rows.jsonl'), optional: false } },
    seed: 0,
    threads: 1,
    env: options.env ?? {},
    projectRoot: root,
    scratch,
    memoRoot: join(root, 'memo'),
    memoDigest: undefined,
  }
  const result = await executor.run({
    request,
    light: options.light ?? false,
    env: { PATH: process.env.PATH ?? '', ...options.env },
    ...(options.timeoutMs !== undefined && { timeoutMs: options.timeoutMs }),
    cancel: options.cancel ?? new AbortController().signal,
    kill: options.kill ?? new AbortController().signal,
    onEvent: e => {
      events.push(e)
      // All that follows has been sent when the next of it is read.
      if (e.type === 'log' && e.message === 'look away') for (const since = performance.now(); performance.now() - since < 100; );
    },
    onOutput: (stream, text) => (output += `${stream}: ${text}`),
  })
  return { result, events, output, scratch, path: join(dir, 'rows.jsonl') }
}
const failure = ({ result }: Ran) => {
  assert.not.ok(result.ok)
  return (result as StageResult & { ok: false }).failure
}
const appears = async (path: string) => {
  for (let i = 0; i < 400; i++) {
    const text = await readFile(path, 'utf8').catch(() => '')
    if (text) return text
    await sleep(25)
  }
  throw new Error(`${path} did not appear`)
}
const lives = (pid: number) => {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

test.after(() => executor.close())

for (const light of [false, true]) {
  const where = light ? 'a thread' : 'a child'

  test(`in ${where} a stage reads and writes rows, and tells what it does`, async () => {
    const ran = await run('good', { light, rows: '{"a":1}\r\n\n{"a":2}' })
    assert.equal(ran.result, { ok: true, metrics: { n: 3 } })
    assert.is(await readFile(ran.path, 'utf8'), '{"a":1,"seen":true}\n{"a":2,"seen":true}\n')
    assert.ok(ran.output.includes('stdout: printed by good\n') && ran.output.includes('stderr: to stderr\n'), ran.output)
    const progress = ran.events.filter(e => e.type === 'progress')
    assert.ok(progress.length < 50, `${progress.length} progress events`)
    assert.equal(progress.at(-1), { type: 'progress', done: 999, total: 1000, unit: 'rows' })
    assert.ok(ran.events.some(e => e.type === 'log' && e.message === 'logged'))
  })

  test(`in ${where} a metric may have any name`, async () => {
    const { result, events } = await run('named', { light })
    assert.equal([result.ok && Object.entries(result.metrics), events.filter(e => e.type === 'metric').map(e => e.name)], [[['__proto__', 2], ['valueOf', 3]], ['constructor', '__proto__', 'valueOf']])
  })

  test(`in ${where} what a stage prints is its own, whatever those before and after it print`, async () => {
    for (let i = 0; i < 3; i++) {
      for (const [name, printed] of [['mutters', 'half a line'], ['silent', ''], ['complains', 'on stderr alone\n'], ['silent', ''], ['despairs', 'a line\n'.repeat(300)], ['silent', '']] as const) {
        assert.is((await run(name, { light })).output.replaceAll(/std(out|err): /g, ''), printed, name)
      }
    }
  })

  test(`in ${where} a throw, a failure, an unhandled rejection and an exit are failures of the stage`, async () => {
    const thrown = await run('throws', { light })
    assert.is(failure(thrown).message, 'RangeError: the rank is wrong')
    assert.is(failure(thrown).reason, 'threw')
    assert.match(failure(thrown).stack ?? '', /plugin\.mjs:\d+/)
    assert.is(thrown.output, 'stdout: before it threw\n')
    assert.equal(failure(await run('fails', { light })), { reason: 'failed', message: 'the column "a" is not there', final: true, hint: 'Name another.', param: 'columns/0' })
    assert.is(failure(await run('rejects', { light })).message, 'nobody handled this')
    const exited = await run('exits', { light })
    assert.is(failure(exited).reason, 'crashed')
    assert.match(failure(exited).message, /with process\.exit\(3\)$/)
    assert.match(failure(await run('undeclared', { light })).message, /^test\/undeclared asked for the output "other", which it does not declare; it has rows /)
    assert.match(failure(await run('bad', { light })).message, /^TypeError: row 1 of the output "rows" \(rows\): a row must be an object$/)
  })

  test(`in ${where} an endless loop ends at its timeout`, async () => {
    const started = performance.now()
    assert.equal(failure(await run('spins', { light, timeoutMs: 300 })), { reason: 'timeout', message: 'took longer than its timeout of 300 ms', hint: 'Raise "timeout" of the stage.', final: false })
    assert.ok(performance.now() - started < 20_000)
  })
}

test('a bad row names its file and line, and is final', async () => {
  const f = failure(await run('good', { rows: '{"a":1}\n{"a":\n' }))
  assert.match(f.message, /^data\/in\.jsonl:2 is not JSON/)
  assert.ok(f.final)
  assert.is(failure(await run('good', { rows: '{"a":1}\n3\n' })).message, 'data/in.jsonl:2 a row must be an object')
})

test('a crash of native code is a failure of the stage, by the signal', async () => {
  const f = failure(await run('segfaults'))
  assert.is(f.reason, 'crashed')
  assert.is(f.message, 'its process was ended by SIGSEGV')
})

test('a child is used again while stages succeed, and sees nothing but its environment', async () => {
  const row = async (ran: Ran) => JSON.parse(await readFile(ran.path, 'utf8')) as { pid: number; calls: number; env: Record<string, string> }
  process.env.HONE_TEST_LEAK = 'no'
  const first = await row(await run('good', { env: { MINE: '1' } }))
  const second = await row(await run('good', { env: { OTHER: '2' } }))
  assert.is(second.pid, first.pid)
  assert.is(second.calls, first.calls + 1)
  assert.equal(Object.keys(second.env).filter(k => k !== 'NODE_CHANNEL_FD' && k !== 'NODE_CHANNEL_SERIALIZATION_MODE').sort(), ['OTHER', 'PATH'])
  await run('throws')
  assert.is.not((await row(await run('good'))).pid, first.pid)
})

test('an interrupt lets a stage save; one that ignores it is ended by force; a second one ends it at once', async () => {
  const save = new AbortController()
  const saving = run('saves', { cancel: save.signal, scratch: join(root, 'save') })
  await appears(join(root, 'save/started'))
  save.abort()
  assert.not.ok((await saving).result.ok)
  assert.is(await readFile(join(root, 'save/saved'), 'utf8'), 'yes')

  const cancel = new AbortController()
  const ignoring = run('ignores', { cancel: cancel.signal, scratch: join(root, 'ignore') })
  const pid = Number(await appears(join(root, 'ignore/started')))
  cancel.abort()
  const started = performance.now()
  assert.not.ok((await ignoring).result.ok)
  assert.ok(performance.now() - started > 2800, 'TERM after the grace, KILL after TERM')
  assert.not.ok(lives(pid))

  const [first, second] = [new AbortController(), new AbortController()]
  const killed = run('ignores', { cancel: first.signal, kill: second.signal, scratch: join(root, 'kill') })
  await appears(join(root, 'kill/started'))
  first.abort()
  second.abort()
  const at = performance.now()
  await killed
  assert.ok(performance.now() - at < 2000)
})

test.run()
