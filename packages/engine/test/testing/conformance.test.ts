import { execFileSync, spawn } from 'node:child_process'
import { appendFileSync, existsSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join, relative } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { pathToFileURL } from 'node:url'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { defineKind, defineService, defineStage, params, type StageContext, type StageDefinition } from '../../src/plugin/define.js'
import { conformance, loadPlugin, runStage, type ConformanceOptions } from '../../src/testing/index.js'

const test = suite('the conformance kit')
const rows = defineKind({ id: 'rows', summary: 'Rows.', form: 'file', extension: 'jsonl', rows: {} })
const folder = defineKind({ id: 'folder', summary: 'A folder.', form: 'folder' })

type Run = (context: StageContext<any>) => Promise<unknown> | unknown
const schema = { type: 'object', additionalProperties: false, properties: { times: { type: 'integer', minimum: 1, default: 2 }, word: { type: 'string' } } }

/** A sound stage: each row with its `n` times `times`. */
const double: Run = async ({ params: { times }, inputs, outputs, memo, signal, metric }) => {
  let count = 0
  for await (const row of memo.map(inputs.rows, { salt: { times } }, ([r]: readonly any[]) => [{ n: r.n * times }])) {
    signal.throwIfAborted()
    await outputs.rows!.write(row)
    count++
  }
  metric('count', count)
}
const stageOf = (run: Run, changes: Partial<StageDefinition<any>> = {}): StageDefinition<any> => defineStage<any>({
  id: 'test/stage', version: 1, summary: 'For a test.', params: params(schema), inputs: { rows: { kind: rows } }, outputs: { rows: { kind: rows }, more: { kind: folder, optional: true } },
  determinism: 'bytes', light: true, example: 'times: 3', run: async () => ({ default: run as never }), ...changes,
})
const inputs = { rows: Array.from({ length: 8 }, (_, n) => ({ n })) }

/** Which checks refuse a stage, by name without the stage's, and what they say. */
async function refused(stage: StageDefinition<any>, options: ConformanceOptions = {}): Promise<Record<string, string>> {
  const said: Record<string, string> = {}
  for (const { name, run } of conformance(stage, { inputs, ...options })) await run().catch((error: Error) => (said[name.replace(/^\S+ /, '')] = error.message))
  return said
}

const properties = (more: object) => params({ ...schema, properties: { ...schema.properties, ...more } })
const times = 'refuses {"times":99}'
const copyRows: Run = async ({ inputs, outputs }) => {
  for await (const row of inputs.rows) await outputs.rows!.write(row)
}
/** Writes its rows from where a file in scratch says that it had come to. */
const resuming = (from: (kept: number) => number): Run => async ({ outputs, scratch, signal }) => {
  const [at, written] = [join(scratch, 'at'), join(scratch, 'rows')]
  for (let i = existsSync(at) ? from(Number(readFileSync(at, 'utf8'))) : 0; i < 20; i++) {
    signal.throwIfAborted()
    appendFileSync(written, `{"i":${i}}\n`)
    writeFileSync(at, String(i + 1))
    await sleep(5)
  }
  await writeFile(outputs.rows!.path, readFileSync(written))
}

/** Powers of two, from where an earlier result came to, of which it takes so many. */
const extending = (taken: (kept: readonly number[]) => readonly number[]): Run => async ({ params: { times }, outputs, prior, keep }) => {
  const from = prior.find(p => p.params['times'] <= times)
  const made = from ? [...taken(JSON.parse(readFileSync(join(from.path, 'made.json'), 'utf8')))] : []
  for (let i = made.length; i < times; i++) made.push(2 ** i)
  writeFileSync(join(keep!, 'made.json'), JSON.stringify(made))
  for (const n of made) await outputs.rows!.write({ n })
}
/** The same, from the first that it is offered, be that more than it is asked for. */
const takingAny: Run = async ({ params: { times }, outputs, prior: [from], keep }) => {
  const made: number[] = from ? JSON.parse(readFileSync(join(from.path, 'made.json'), 'utf8')) : []
  for (let i = made.length; i < times; i++) made.push(2 ** i)
  writeFileSync(join(keep!, 'made.json'), JSON.stringify(made))
  for (const n of made) await outputs.rows!.write({ n })
}
const extended = { extends: ['times'], example: 'times: 3' }

const plugins = realpathSync(mkdtempSync(join(tmpdir(), 'hone-kept-')))
test.after(() => rmSync(plugins, { recursive: true }))
/** A stage of a file, with what stands at the top of the one that runs. */
const stageOfFile = async (name: string, top: string, row: string) => {
  writeFileSync(join(plugins, `${name}.run.js`), `${top}\nexport default async ({ params, inputs, outputs, seed }) => { let rows = 0; for await (const _ of inputs.rows) rows++; await outputs.rows.write(${row}) }\n`)
  writeFileSync(join(plugins, `${name}.js`), `const rows = { id: 'rows', summary: 'Rows.', form: 'file', extension: 'jsonl', rows: {} }
export default { name: '${name}', api: 1, stages: [{ id: 'test/${name}', version: 1, summary: 'For a test.', params: { schema: ${JSON.stringify(schema)} }, inputs: { rows: { kind: rows } }, outputs: { rows: { kind: rows } }, determinism: 'bytes', light: true, run: () => import('./${name}.run.js') }] }
`)
  return (await loadPlugin(join(plugins, `${name}.js`))).stages[0]!
}
const kept = 'gives the same bytes whatever its module has run before'
let largest = 0

const sound: Record<string, [StageDefinition<any>, ConformanceOptions?]> = {
  'one that uses its memo': [stageOf(double)],
  'one that says that it cannot repeat itself': [stageOf(({ outputs }) => outputs.rows!.write({ r: Math.random() }), { determinism: 'none' })],
  'one that goes on where it was stopped': [stageOf(resuming(at => at), { resumable: true })],
  'one that goes on from an earlier result': [stageOf(extending(kept => kept), extended), { params: { times: 5 }, earlier: { times: 3 } }],
  'one that asks after its data, and stops when it is told': [stageOf(double, { probe: ({ params: { times }, signal }) => sleep(20, `"${times}"`, { signal }) }), { graceMs: 1000 }],
  'one whose parameters need no asking': [stageOf(double, { probe: async () => undefined })],
  'one that keeps what it needs meanwhile in scratch': [stageOf(async context => (await writeFile(join(context.scratch, 'x'), ''), double(context)))],
  'one that asks for a service': [
    stageOf(({ services, outputs }) => outputs.rows!.write({ said: services.greeting }), { services: { greeting: defineService('greeting') } }),
    { plugins: [{ name: 'greetings', api: 1, provides: [{ token: defineService('greeting'), create: () => 'hello' }] }] },
  ],
  'one whose module keeps what depends on its code alone': [await stageOfFile('sound', 'let table', '({ n: params.times * (table ??= [1, 2, 3]).length, seed, rows })')],
  'one that reads what it declares of the environment': [stageOf(({ outputs, env }) => outputs.rows!.write({ said: [process.env['HONE_TEST_DECLARED'], env['HONE_TEST_DECLARED']] })), { env: { HONE_TEST_DECLARED: 'yes' } }],
  'one that waits for what it starts': [stageOf(async context => (await new Promise(done => spawn('sleep', ['0']).on('close', done)), double(context)))],
  'one that ends with what is wrong': [stageOf(context => (context.params.times === 99 ? context.fail('"times" is 99', 'times') : double(context))), { wrong: [{ params: { times: 99 }, says: /times/ }, { params: { times: 0 }, says: /"times" must be ≥ 1/ }] }],
}
process.env['HONE_TEST_UNDECLARED'] = 'here'
for (const [name, [stage, options]] of Object.entries(sound)) test(`lets pass ${name}`, async () => assert.equal(await refused(stage, options), {}))

const outside = join(tmpdir(), `hone-outside-${process.pid}`)
let calls = 0
const answers = 'answers its probe with the same text while nothing changes'

/** What is broken → the stage, and by check what must be said. */
const broken: Record<string, [StageDefinition<any>, Record<string, RegExp>, ConformanceOptions?]> = {
  'draws numbers without its seed': [stageOf(({ outputs }) => outputs.rows!.write({ r: Math.random() })), { 'gives the same bytes again': /the output "rows" differs: line 1 is \{"r":0\.\d+\}, then \{"r":0\.\d+\} \(it declares determinism: 'bytes'; the second run had another day, another time zone and another number of threads\)/ }],
  'writes where it lies into its output': [stageOf(({ inputs, outputs }) => outputs.rows!.write({ from: inputs.rows.path })), { 'gives the same bytes again': /the output "rows" differs: line 1/ }],
  'has its threads in its output and declares bytes': [stageOf(({ threads, outputs }) => outputs.rows!.write({ threads })), { 'gives the same bytes again': /line 1 is \{"threads":1\}, then \{"threads":2\}/ }],
  'gives another number each time': [stageOf(context => (context.metric('seconds', performance.now()), double({ ...context, metric: () => {} }))), { 'gives the same bytes again': /the metric seconds is [\d.]+, then/ }],
  'writes the day': [stageOf(({ outputs }) => outputs.rows!.write({ made: new Date().toISOString().slice(0, 10), now: Math.floor(Date.now() / 86_400_000) })), { 'gives the same bytes again': /line 1 is \{"made":.*the second run had another day/ }],
  'writes times as they are called here': [stageOf(({ outputs }) => outputs.rows!.write({ at: new Date(0).getHours() })), { 'gives the same bytes again': /line 1 is \{"at":\d+\}, then .*another time zone/ }],
  'keeps the first parameters in its module': [await stageOfFile('first', 'let kept', '({ n: (kept ??= params.times) })'), { [kept]: /^what it keeps in its module changes its result: with times: 3, .*another seed, fewer rows in "rows" the output "rows" differs: line 1 is \{"n":3\}, then \{"n":2\}, once it has run in the same module with the setting of this test \(a process runs one stage/ }],
  'keeps the first seed in its module': [await stageOfFile('seed', 'let kept', '({ n: (kept ??= seed) })'), { [kept]: /line 1 is \{"n":1\}, then \{"n":0\}/ }],
  'keeps the first rows in its module': [await stageOfFile('rows', 'let kept', '({ n: (kept ??= rows) })'), { [kept]: /line 1 is \{"n":7\}, then \{"n":8\}/ }],
  'draws when its module is loaded': [await stageOfFile('drawn', 'const drawn = Math.random()', '({ drawn })'), { [kept]: /line 1 is \{"drawn":0\.\d+\}, then \{"drawn":0/ }],
  'keeps the largest parameter, and is not loaded by loadPlugin': [stageOf(({ params: { times }, outputs }) => outputs.rows!.write({ n: (largest = Math.max(largest, times)) })), { [kept]: /changes its result: the output "rows" differs: line 1 is \{"n":2\}, then \{"n":3\}, once it has run in the same module with times: 3/ }],
  'leaves its process elsewhere': [stageOf(async context => (await double(context), process.chdir(tmpdir()))), { 'leaves its process where it was': /changes the working directory of its process to .*, which the next stage finds/ }],
  'reads an undeclared variable of the environment': [stageOf(context => (process.env['HONE_TEST_UNDECLARED'] ? double(context) : context.fail('no HONE_TEST_UNDECLARED'))), { 'runs to its end': /no HONE_TEST_UNDECLARED/ }],
  'leaves an interval': [stageOf(async context => { const timer = setInterval(() => {}, 1e6); setTimeout(() => clearInterval(timer), 5000).unref(); await copyRows(context) }, { determinism: 'none' }), { 'has ended when its function returns': /^its function has returned, and what it began goes on \(Timeout\): await it, or close it$/ }],
  'leaves a process': [stageOf(async context => (spawn('sleep', ['60'], { stdio: 'ignore' }).unref(), double(context))), { 'has ended when its function returns': /^leaves a process running: sleep 60\. Await its end, or end it$/ }],
  'leaves a file beside its outputs': [stageOf(async context => (await double(context), writeFile(join(dirname(context.outputs.rows!.path), 'notes.txt'), 'x'))), { 'leaves its declared outputs and no other': /wrote "notes\.txt", which is no output/ }],
  'leaves nothing': [stageOf(() => {}), { 'leaves its declared outputs and no other': /left no row in the output "rows"/ }],
  'asks for an output that it does not declare': [stageOf(({ outputs }) => outputs['others']!.write({})), { 'leaves its declared outputs and no other': /asked for the output "others", which it does not declare/ }],
  'throws': [stageOf(() => { throw new TypeError('x is not a function') }), { 'runs to its end': /failed: TypeError: x is not a function\n.*conformance\.test/s }],
  'ends the process': [stageOf(() => process.exit(3)), { 'runs to its end': /calls process\.exit\(3\)/ }],
  'never ends': [stageOf(() => new Promise(() => {})), { 'runs to its end': /did not end within 200 ms/ }, { timeoutMs: 200 }],
  'does not look at its signal': [stageOf(async context => (await sleep(400), double({ ...context, signal: new AbortController().signal }))), { 'ends soon after it is cancelled': /had not ended 50 ms after it was cancelled/ }, { graceMs: 50 }],
  'keeps the processor from hearing of a cancel': [stageOf(context => { for (const end = Date.now() + 400; Date.now() < end; ); return double(context) }), { 'ends soon after it is cancelled': /had not ended 50 ms/ }, { graceMs: 50 }],
  'remembers what depends on more than its row': [
    stageOf(async ({ inputs, outputs, memo }) => { calls = 0; for await (const row of memo.map(inputs.rows, { salt: 1 }, ([r]: readonly any[]) => [{ ...r, call: calls++ }])) await outputs.rows!.write(row) }),
    { 'gives the same bytes with its memo empty, half full and full': /the output "rows" differs: line \d is .*with its memo half full/ },
  ],
  'counts what it did not remember': [
    stageOf(async ({ inputs, outputs, memo, metric }) => { let computed = 0; for await (const row of memo.map(inputs.rows, { salt: 1 }, (all: readonly any[]) => (computed++, all))) await outputs.rows!.write(row); metric('computed', computed) }),
    { 'gives the same bytes with its memo empty, half full and full': /the metric computed is 8, then 0 \(with its memo full/ },
  ],
  'forgets the seed in the salt of its memo': [
    stageOf(async ({ seed, inputs, outputs, memo }) => { for await (const row of memo.map(inputs.rows, { salt: 1 }, ([r]: readonly any[]) => [{ n: r.n + seed }])) await outputs.rows!.write(row) }),
    { 'gives the same bytes with its memo empty, half full and full': /the output "rows" differs: line \d is .*\(with another seed and an empty memo, then with one that the first seed filled; the salt must name the seed that/ },
  ],
  'forgets a parameter in the salt of its memo': [
    stageOf(async ({ params: { times }, inputs, outputs, memo }) => { for await (const row of memo.map(inputs.rows, { salt: 1 }, ([r]: readonly any[]) => [{ n: r.n * times }])) await outputs.rows!.write(row) }),
    { 'gives the same bytes with its memo empty, half full and full': /the output "rows" differs: line 2 is \{"n":3\}, then \{"n":2\} \(with times: 3 and an empty memo, then .*the salt must name each parameter/ },
  ],
  'has a schema that lets through more than its code bears': [
    stageOf(context => (context.params.limit.toFixed(1), double(context)), { params: properties({ limit: { type: ['number', 'string', 'null'], default: 1 } }) }),
    { 'bears each type that its schema lets through': /takes limit: (null|"a text"|"") and then throws: .*Narrow its schema/ },
  ],
  'changes what it was given to read, and puts it back': [
    stageOf(async context => { const was = readFileSync(context.inputs.rows.path); writeFileSync(context.inputs.rows.path, ''); writeFileSync(context.inputs.rows.path, was); await double(context) }),
    { 'leaves its inputs as they are': /changes its inputs: rows/ },
  ],
  'writes to another folder': [stageOf(async context => (await writeFile(outside, 'x'), double(context))), { 'writes nowhere but to its outputs and its scratch': new RegExp(`writes to ${outside}`) }],
  'writes to the project by a command': [stageOf(context => (execFileSync('touch', ['made'], { cwd: context.projectRoot }), double(context))), { 'writes nowhere but to its outputs and its scratch': /writes to .*\/project\/made/ }],
  'changes what it was given to read': [stageOf(async context => (await double(context), appendFileSync(context.inputs.rows.path, '{"n":9}\n'))), { 'leaves its inputs as they are': /changes its inputs: rows/ }],
  'reads a parameter that there is not': [stageOf(context => (void context.params.wrod, double(context))), { 'reads only parameters that its schema lists, and changes none': /reads the parameter "wrod"/ }],
  'changes its parameters': [stageOf(async context => (await double(context), (context.params.times = 5))), { 'reads only parameters that its schema lists, and changes none': /changes its parameters/ }],
  'does not wait for what writes': [stageOf(({ inputs, outputs }) => void copyRows({ inputs, outputs } as never)), { 'has ended when its function returns': /returned while it was still reading the input "rows"/ }],
  'goes on writing': [stageOf(async context => (await double(context), void sleep(50).then(() => writeFile(join(context.outputs.more!.path, 'x'), '')))), { 'has ended when its function returns': /the output "more" was still being written after the stage's function had returned/ }],
  'does the last part twice when it goes on': [stageOf(resuming(at => at - 1), { resumable: true }), { 'goes on from its scratch to the same bytes': /line \d+ is .*when it goes on after a cancel/ }],
  'goes on from an earlier result to another': [stageOf(extending(kept => kept.map(n => n + 1)), extended), { 'goes on from an earlier result to the same bytes': /line 1 is \{"n":1\}, then \{"n":2\} \(when it goes on from an earlier result/ }, { params: { times: 5 }, earlier: { times: 3 } }],
  'goes on from an earlier result that is more than it is asked for': [stageOf(takingAny, extended), { 'goes on from an earlier result to the same bytes': /the output "rows" differs: line 4 is .*\(with \{"times":3\}, when it is offered the result of \{"times":5\}; where it cannot go on from one, it must start from nothing\)/ }, { params: { times: 5 }, earlier: { times: 3 } }],
  'extends and is not shown how': [stageOf(extending(kept => kept), extended), { 'goes on from an earlier result to the same bytes': /extends "times": give the parameters of an earlier result/ }],
  'extends and keeps nothing': [stageOf(double, extended), { 'goes on from an earlier result to the same bytes': /leaves nothing in `keep`/ }, { earlier: { times: 1 } }],
  'answers its probe otherwise each time': [stageOf(double, { probe: async () => `"${calls++}"` }), { [answers]: /its probe answers "\\"\d+\\"", then "\\"\d+\\"", and nothing has changed between/ }],
  'answers its probe with a number': [stageOf(double, { probe: async () => 7 as never }), { [answers]: /its probe answers a number; a text of at most 4096 is wanted/ }],
  'throws when it is asked': [stageOf(double, { probe: ({ params }) => params.address.length }), { [answers]: /its probe throws: Cannot read properties of undefined/ }],
  'does not end when it is asked': [stageOf(double, { probe: () => new Promise(() => {}) }), { [answers]: /its probe did not answer within 200 ms/ }, { timeoutMs: 200 }],
  'writes when it is asked': [stageOf(double, { probe: async () => (await writeFile(outside, 'x'), '1') }), { 'writes nothing when it is asked after its outside data': new RegExp(`its probe writes to ${outside}`) }],
  'does not look at the signal of its probe': [stageOf(double, { probe: () => sleep(400, '1') }), { 'ends its probe soon after it is cancelled': /its probe had not ended 50 ms after it was cancelled/ }, { graceMs: 50 }],
  'has a default that it refuses': [stageOf(double, { params: properties({ size: { enum: ['small', 'large'], default: 'middle' } }) }), { 'has defaults that its schema accepts': /"size" must be "small" or "large"; got "middle"/, 'has an example that its schema accepts': /got "middle"/, 'runs to its end': /refuses the parameters: .*got "middle"/ }],
  'has an example that it refuses': [stageOf(double, { example: 'tiems: 3' }), { 'has an example that its schema accepts': /"tiems" is not a key/ }],
  'has an example that is no YAML': [stageOf(double, { example: 'times: [3' }), { 'has an example that its schema accepts': /not YAML/ }],
  'takes any parameter': [stageOf(double, { params: params({ ...schema, additionalProperties: true }) }), { 'refuses a parameter that its schema does not list': /takes the key "no_such_parameter"/ }],
  'takes anything as a parameter': [stageOf(double, { params: properties({ size: { description: 'Any.' } }) }), { 'refuses wrong values by the name of their parameter': /takes any value as "size"/ }],
  'has a check that throws': [stageOf(double, { check: ({ params }) => (params.word!.length > 3 ? [] : []) }), { 'refuses wrong values by the name of their parameter': /its check throws TypeError/ }],
  'has a check that names what there is not': [stageOf(double, { check: () => [{ message: 'no', param: 'wrod', severity: 'warning' }] }), { 'refuses wrong values by the name of their parameter': /names the parameter "wrod"/ }],
  'throws at wrong parameters': [stageOf(context => (context.params.times === 99 ? context.params.word.length : double(context))), { [times]: /throws instead of saying what is wrong: TypeError/ }, { wrong: [{ params: { times: 99 }, says: /times/ }] }],
  'takes wrong parameters': [stageOf(double), { [times]: /takes them/ }, { wrong: [{ params: { times: 99 }, says: /times/ }] }],
  'says too little of wrong parameters': [stageOf(context => (context.params.times === 99 ? context.fail('no') : double(context))), { [times]: /says “no”/ }, { wrong: [{ params: { times: 99 }, says: /times/ }] }],
  'has a version that is no number': [stageOf(double, { version: '1' as never }), { 'is defined as the engine asks': /"version" must be a whole number/ }],
  'has a schema that is none': [stageOf(double, { params: properties({ size: { type: 'whole' } }) }), { 'is defined as the engine asks': /the schema of test\/stage's parameters is refused/ }],
}
for (const [name, [stage, expected, options]] of Object.entries(broken)) test(`refuses a stage that ${name}`, async () => {
  const said = await refused(stage, options)
  assert.equal(Object.keys(said).sort(), Object.keys(expected).sort(), JSON.stringify(said))
  for (const [check, message] of Object.entries(expected)) assert.match(said[check]!, message)
})

test('runs a stage alone and gives what it left', async () => {
  const ran = await runStage(stageOf(double), { inputs, params: { times: 3 } })
  assert.equal([ran.failure, ran.metrics, (await ran.rows('rows')).slice(0, 2), await ran.rows('more').catch((e: NodeJS.ErrnoException) => e.code)], [undefined, { count: 8 }, [{ n: 0 }, { n: 3 }], 'EISDIR'])
  assert.match(await runStage(stageOf(double), { inputs, params: { tiems: 3 } }).then(() => '', e => e.message), /refuses the parameters: "tiems" is not a key/)
  assert.match(await runStage(stageOf(double)).then(() => '', e => e.message), /needs the input "rows": give it as/)
  assert.match(await runStage(stageOf(double), { inputs: { ...inputs, cows: [] } }).then(() => '', e => e.message), /has no input "cows"; it has rows/)
  const failing = await runStage(stageOf(({ fail }) => fail('too much', 'times')), { inputs })
  assert.equal([failing.failure?.message, failing.failure?.param, await failing.rows('rows').catch((e: Error) => e.message)], ['too much', 'times', 'test/stage failed: too much'])
})

test('says what it is given in place of a stage, or of the file of a plugin', async () => {
  assert.match(await runStage(undefined as never).then(() => '', e => `${e}`), /^TypeError: runStage is given undefined where a stage is asked for/)
  assert.throws(() => conformance(undefined as never), /conformance is given undefined where a stage is asked for/)
  assert.match(await loadPlugin('plugins/s.ts').then(() => '', e => e.message), new RegExp(`given "plugins/s.ts".*: a path begins with "./" and resolves against ${process.cwd()}; new URL`))
})

test('loads plugins by URL and by paths that resolve against the working directory, any number of them with one listener', async () => {
  const before = process.listenerCount('exit')
  const file = join(plugins, 'sound.js')
  const names = [pathToFileURL(file), pathToFileURL(file).href, `./${relative(process.cwd(), file)}`]
  for (const name of names) assert.equal((await loadPlugin(name)).stages.map(s => s.id), ['test/sound'])
  assert.is(process.listenerCount('exit'), before)
})

test('finds in the project what parameters name, and takes text, files and labelled inputs', async () => {
  const reading = defineStage<any>({
    id: 'test/reading', version: 1, summary: 'For a test.', determinism: 'bytes',
    params: params({ type: 'object', additionalProperties: false, properties: { paths: { type: 'array', items: { type: 'string' }, artifact: { port: 'files', glob: true } } } }),
    inputs: { files: { kind: defineKind({ id: 'file', summary: 'A file.', form: 'file' }), many: true }, several: { kind: rows, many: true }, one: { kind: folder } },
    outputs: { rows: { kind: rows } },
    run: async () => ({
      default: async ({ inputs, outputs }) => {
        for (const file of inputs.files) await outputs.rows!.write([file.logicalName, file.reference, readFileSync(file.path, 'utf8')])
        for (const member of inputs.several) for await (const row of member) await outputs.rows!.write([member.label, row])
        await outputs.rows!.write(readFileSync(join(inputs.one.path, 'a/b'), 'utf8'))
      },
    }),
  })
  const setting = { params: { paths: ['docs/*.md'] }, project: { 'docs/x.md': 'X', 'docs/y.txt': 'Y' }, inputs: { several: { base: [{ n: 1 }], tuned: { text: '{"n":2}\n' } }, one: { files: { 'a/b': 'B' } } } }
  assert.equal(await (await runStage(reading, setting)).rows('rows'), [['x.md', 'docs/*.md', 'X'], ['base', { n: 1 }], ['tuned', { n: 2 }], 'B'])
  for (const { run } of conformance(reading, setting)) await run()
})

test.run()
