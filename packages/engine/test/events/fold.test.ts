import { appendFile, mkdtemp, readFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { Digest } from '../../src/artifacts/types.js'
import type { Event } from '../../src/events/event.js'
import { fold, foldLog } from '../../src/events/fold.js'
import { openEventLog, readEnds, readEvents } from '../../src/events/log.js'
import { redactor } from '../../src/events/secrets.js'
import { compareRuns } from '../../src/report/compare.js'

const at = (second: number) => `2026-01-01T00:00:${String(second).padStart(2, '0')}.000Z`
const base = (second: number) => ({ at: at(second), run: 'r1' })
const key = 'k' as Digest
const events: Event[] = [
  { ...base(0), type: 'run-started', pipeline: 'p', file: 'p.yaml', args: ['p.yaml'], params: {}, stages: [
    { stage: 'a', uses: 'x/y', action: 'run', reasons: ['no record yet'], needs: [] },
    { stage: 'b', uses: 'x/z', action: 'hit', reasons: [], needs: ['a'], expectedMs: 5 },
  ] },
  { ...base(1), type: 'stage-started', stage: 'a', uses: 'x/y', attempt: 1, because: ['no record yet'], key },
  { ...base(2), type: 'progress', stage: 'a', done: 10, total: 100, unit: 'rows' },
  { ...base(4), type: 'progress', stage: 'a', done: 30, total: 100, unit: 'rows' },
  { ...base(5), type: 'metric', stage: 'a', name: 'loss', value: 2, step: 1 },
  { ...base(5), type: 'metric', stage: 'a', name: 'loss', value: 1, step: 2 },
  { ...base(5), type: 'sample', stage: 'a', step: 2, prompt: 'q', reference: 'r', prediction: 'p' },
  { ...base(5), type: 'output', stage: 'a', stream: 'stdout', text: 'one\ntwo\n' },
  { ...base(5), type: 'log', stage: 'a', level: 'warn', message: 'careful' },
  { ...base(6), type: 'stage-retry', stage: 'a', attempt: 1, delayMs: 5, failure: { reason: 'threw', message: 'once', final: false } },
  { ...base(7), type: 'stage-started', stage: 'a', uses: 'x/y', attempt: 2, because: ['no record yet'], key },
  { ...base(8), type: 'stage-finished', stage: 'a', uses: 'x/y', status: 'ran', because: ['no record yet'], key, durationMs: 7000, outputs: {}, metrics: { rows: 100 } },
  { ...base(8), type: 'stage-finished', stage: 'b', uses: 'x/z', status: 'hit', because: [], key, durationMs: 0, outputs: {}, metrics: {} },
  { ...base(9), type: 'run-finished', status: 'succeeded', stages: { a: 'ran', b: 'hit' }, durationMs: 9000 },
]

test('a run is drawn from its events alone, at any time of it', () => {
  const half = fold(events.slice(0, 4)).stages.get('a')!
  assert.equal([half.status, half.progress], ['running', { done: 30, total: 100, unit: 'rows', since: Date.parse(at(2)), sinceDone: 10, next: { at: Date.parse(at(2)), done: 10 }, at: Date.parse(at(4)) }])
  assert.is(fold(events.slice(0, 10)).stages.get('a')!.status, 'retrying')
  const whole = fold(events)
  const a = whole.stages.get('a')!
  assert.equal([whole.status, whole.durationMs, [...whole.stages.keys()]], ['succeeded', 9000, ['a', 'b']])
  assert.equal([a.status, a.attempt, { ...a.metrics }, { ...a.curves }, a.lines, a.warnings, a.failures.map(f => f.message), a.progress], ['ran', 2, { rows: 100 }, { loss: [{ step: 1, value: 2 }, { step: 2, value: 1 }] }, ['one', 'two', 'careful'], ['careful'], ['once'], undefined])
  assert.equal(whole.stages.get('b')!.status, 'hit')
})

test('a metric may have the name of what every object has', () => {
  const finished = { ...base(7), type: 'stage-finished', stage: 'a', uses: 'x/y', status: 'ran', because: [], key, durationMs: 1, outputs: {}, metrics: JSON.parse('{ "__proto__": 4, "toString": 5 }') as Record<string, number> } as const
  for (const name of ['constructor', 'toString', 'valueOf', '__proto__']) {
    const { metrics, curves } = fold([...events.slice(0, 2), { ...base(5), type: 'metric', stage: 'a', name, value: 2, step: 1 }, { ...base(6), type: 'metric', stage: 'a', name, value: 3 }]).stages.get('a')!
    assert.equal([Object.entries(curves), Object.entries(metrics)], [[[name, [{ step: 1, value: 2 }]]], [[name, 3]]])
    const [before, after] = [fold([...events.slice(0, 2), finished]), fold(events.slice(0, 2))]
    assert.equal(Object.entries(compareRuns(before, after, () => undefined).stages[0]!.metrics), [['__proto__', { before: 4, after: undefined, difference: undefined }], ['toString', { before: 5, after: undefined, difference: undefined }]])
  }
})

test('a text of more lines than a call takes arguments is kept by its last lines', () => {
  const text = Array.from({ length: 300_000 }, (_, i) => `line ${i}`).join('\n')
  const { lines } = fold([...events.slice(0, 2), { ...base(5), type: 'log', stage: 'a', level: 'info', message: text }]).stages.get('a')!
  assert.equal([lines.length, lines.at(-1)], [200, 'line 299999'])
})

test('a log is read as it was written, without the line that a kill tore', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'hone-log-'))
  const log = openEventLog(join(dir, 'run'))
  for (const event of events) log.append(event)
  log.close()
  await appendFile(log.file, '{"type":"log","at"')
  const read: Event[] = []
  for await (const event of readEvents(join(dir, 'run'))) read.push(event)
  assert.equal(read, events)
  assert.equal(await foldLog(readEvents(join(dir, 'run'))), fold(events))
  assert.equal(await foldLog(readEvents(join(dir, 'absent'))), fold([]))
})

test('the ends of a log are read without what lies between, however long its lines are, and a run that was killed has no last', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'hone-log-'))
  const log = openEventLog(join(dir, 'whole'))
  const many = Object.fromEntries(Array.from({ length: 20_000 }, (_, i) => [`stage[n=${i}]`, 'hit' as const]))
  const [first, ...rest] = events as [Event & { type: 'run-started' }, ...Event[]]
  const long = { ...first, params: { text: 'x'.repeat(300_000) } }
  const last: Event = { ...base(9), type: 'run-finished', status: 'succeeded', stages: many, durationMs: 9000 }
  for (const event of [long, ...rest.slice(0, -1), last]) log.append(event)
  log.close()
  assert.equal(await readEnds(join(dir, 'whole')), { first: long, last })
  const killed = openEventLog(join(dir, 'killed'))
  for (const event of events.slice(0, 3)) killed.append(event)
  killed.close()
  assert.equal(await readEnds(join(dir, 'killed')), { first: events[0] })
  await appendFile(killed.file, '{"type":"run-fin')
  assert.equal(await readEnds(join(dir, 'killed')), { first: events[0] })
  assert.equal(await readEnds(join(dir, 'absent')), {})
})

test('a log that cannot be written says so once and stops no run', async () => {
  const file = join(await mkdtemp(join(tmpdir(), 'hone-log-')), 'file')
  await appendFile(file, 'x')
  const errors: string[] = []
  const log = openEventLog(file, e => errors.push(e.message))
  for (const event of events) log.append(event)
  log.close()
  assert.is(errors.length, 1)
  assert.is(await readFile(file, 'utf8'), 'x')
})

test('secrets are cut out of every string, also in base64 at any place and in URLs', () => {
  const { value, text } = redactor(['s3cret+/ü', 'line one\nline two', 'ab'])
  assert.is(text('token=s3cret+/ü.'), 'token=***.')
  assert.is(text(encodeURIComponent('s3cret+/ü')), '***')
  for (const before of ['', 'u:', 'us:', 'user:']) {
    for (const encoding of ['base64', 'base64url'] as const) {
      const encoded = Buffer.from(`${before}s3cret+/ü and more`).toString(encoding)
      assert.ok(text(encoded).includes('***'), `${before} ${encoding}: ${text(encoded)}`)
    }
  }
  assert.is(text('line two'), '***')
  assert.is(text('ab is too short to be a secret'), 'ab is too short to be a secret')
  assert.equal(value({ a: ['x s3cret+/ü'], b: { c: 1, d: null } }), { a: ['x ***'], b: { c: 1, d: null } })
})

test('hits that follow one another are written in one piece, at the latest with what comes after them or at the end', async () => {
  const dir = join(await mkdtemp(join(tmpdir(), 'hone-log-')), 'run')
  const log = openEventLog(dir)
  const written = async () => (await readFile(log.file, 'utf8')).split('\n').length - 1
  const hit = (stage: string): Event => ({ ...base(1), type: 'stage-finished', stage, uses: 'x/y', status: 'hit', because: [], key, durationMs: 0, outputs: {}, metrics: {} })
  log.append(events[0]!)
  assert.is(await written(), 1)
  log.append(hit('a'))
  log.append(hit('b'))
  assert.is(await written(), 1)
  log.append({ ...base(2), type: 'stage-started', stage: 'c', uses: 'x/y', attempt: 1, because: [], key })
  assert.is(await written(), 4)
  log.append(hit('d'))
  log.close()
  assert.is(await written(), 5)
})

test.run()
