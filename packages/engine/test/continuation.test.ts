import { chmodSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { collectGarbage } from '../src/artifacts/collect.js'
import { realIo } from '../src/artifacts/io.js'
import { FileStore } from '../src/artifacts/store.js'
import { Project, plugin, statuses, type Ran } from './project.js'

/** Each round hashes the one before; `state` holds the last. */
const rounds = plugin({
  'grow/rounds': {
    params: "rounds: { type: 'integer', default: 1 }, text: { type: 'string', default: 'x' }",
    more: "extends: ['rounds'],",
    run: `async ({ params, outputs, prior, keep, metric, log }) => {
      const { createHash } = await import('node:crypto')
      const { readFileSync, writeFileSync } = await import('node:fs')
      const from = prior.find(p => p.params.rounds <= params.rounds)
      const made = from ? JSON.parse(readFileSync(from.path + '/made.json', 'utf8')) : []
      if (from) log('goes on after ' + made.length)
      let computed = 0
      while (made.length < params.rounds) { computed++; made.push(createHash('sha256').update((made.at(-1) ?? params.text)).digest('hex')) }
      writeFileSync(keep + '/made.json', JSON.stringify(made))
      for (const value of made) await outputs.rows.write({ value })
      console.log('computed ' + computed)
    }`,
  },
})
const project = () => Project.make({ 'plugin.ts': rounds, 'pipeline.yaml': 'params: { rounds: 3, text: x }\nplugins: [./plugin.ts]\nstages:\n  grown: { uses: grow/rounds, with: { rounds: "${{ params.rounds }}", text: "${{ params.text }}" } }\n' })
const bytes = (ran: Ran) => readFileSync(ran.finished.grown!.outputs.rows!.path, 'utf8')
const printed = (ran: Ran) => ran.events.flatMap(e => (e.type === 'output' ? [e.text.trim()] : []))

test('a stage goes on from an earlier result that differs only in what it extends, and gives the bytes of a run from nothing', async () => {
  const it = await project()
  assert.equal(printed(await it.run()), ['computed 3'])
  const longer = await it.run({ set: ['rounds=5'] })
  assert.equal([statuses(longer), printed(longer)], [{ grown: 'ran' }, ['computed 2']])
  const fresh = await (await project()).run({ set: ['rounds=5'] })
  assert.equal([printed(fresh), bytes(longer), longer.finished.grown!.key], [['computed 5'], bytes(fresh), fresh.finished.grown!.key])
  assert.equal(longer.finished.grown!.outputs, { rows: { ...fresh.finished.grown!.outputs.rows!, path: longer.finished.grown!.outputs.rows!.path } })

  assert.equal(printed(await it.run({ set: ['rounds=4'] })), ['computed 1'], 'the longer one is of no use, the shorter is')
  assert.equal(printed(await it.run({ set: ['rounds=6', 'text=y'] })), ['computed 6'], 'another parameter is another family')
  assert.equal(printed(await it.run({ set: ['rounds=5'], force: ['grown'] })), ['computed 5'], 'a forced run starts from nothing')
  await it.write({ 'plugin.ts': rounds.replace("update((made", "update(' ' + (made") })
  assert.equal(printed(await it.run({ set: ['rounds=7'] })), ['computed 7'], 'other code is another family')
})

test('what is kept is bounded, lives as long as its result, and is not used where it was damaged', async () => {
  const it = await project()
  for (const n of [1, 2, 3, 4]) await it.run({ set: [`rounds=${n}`] })
  const [family] = readdirSync(it.path('.hone/states'))
  const kept = () => readdirSync(it.path(`.hone/states/${family}`)).map(name => JSON.parse(readFileSync(it.path(`.hone/states/${family}/${name}`), 'utf8')) as { params: { rounds: number }; state: { digest: string } }).sort((a, b) => a.params.rounds - b.params.rounds)
  assert.equal(kept().map(k => k.params), [{ rounds: 3 }, { rounds: 4 }])

  const file = it.path(`.hone/objects/${kept()[1]!.state.digest.slice(0, 2)}/${kept()[1]!.state.digest}.tree/made.json`)
  const text = readFileSync(file, 'utf8')
  chmodSync(file, 0o644)
  writeFileSync(file, text.replace(/[0-9a-f]{4}"\]$/, 'dead"]'))
  assert.equal(printed(await it.run({ set: ['rounds=5'] })), ['computed 2'], 'the one of four rounds is damaged, the one of three is whole')

  const store = new FileStore({ root: it.path('.hone'), projectRoot: it.root, io: { ...realIo, nowMs: () => Date.now() + 2 * 3_600_000 } })
  collectGarbage(store, { keep: 1 })
  assert.equal(kept().map(k => k.params), [{ rounds: 5 }], 'the result of the last run, and its state')
  assert.equal(printed(await it.run({ set: ['rounds=6'] })), ['computed 1'])
})

test.run()
