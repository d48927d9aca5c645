import { mkdirSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { OutsideData } from '../../src/plan/outside-data.js'
import { sharedLookups, changedSince } from '../../src/plan/fingerprint.js'
import type { NodeId, GraphNode } from '../../src/graph/graph.js'
import type { OutputRecord } from '../../src/artifacts/types.js'
import { withProject } from '../artifacts/fixture.js'
import { keyOf, model, outcomeOf, sketchGraph, type NodeSketch } from './fixture.js'

const artifact = (digest: string, kind = 'rows'): OutputRecord => ({ kind, form: 'file', digest: digest.padEnd(64, '0') as never, bytes: 1 })

test('name, timeout and whether it is cached are not in the key; everything that can change the result is', () =>
  withProject(async ({ dir, open }) => {
    const store = await open()
    const key = (sketch: NodeSketch, name = 'a') => keyOf(store, sketchGraph(dir, { [name]: sketch }), name)
    const base = await key({ params: { rank: 8 } })
    assert.is(await key({ params: { rank: 8 }, timeoutMs: 5, cache: false }, 'renamed'), base)
    const others: NodeSketch[] = [
      { params: { rank: 16 } }, { params: { rank: '8' } }, { params: { rank: 8, alpha: 1 } }, { params: { rank: 8 }, seed: 1 }, { params: { rank: 8 }, code: 'other' },
      { params: { rank: 8 }, uses: 'test/other' }, { params: { rank: 8 }, stage: { version: 2 } }, { params: { rank: 8 }, env: { A: '1' } },
      { params: { rank: 8 }, outputs: { out: model } }, { params: { rank: 8 }, stage: { determinism: 'platform', engine: () => 'onnx 1' } },
    ]
    const keys = await Promise.all(others.map(o => key(o)))
    assert.is(new Set([base, ...keys]).size, others.length + 1)
  }))

test('an input counts by content, label and order, not by the stage that made it', () =>
  withProject(async ({ dir, open }) => {
    const store = await open()
    const key = (from: string[], labels: string[], known: Record<string, Record<string, OutputRecord>>) =>
      keyOf(store, sketchGraph(dir, { up: {}, other: {}, a: { inputs: { x: { from, labels, many: true } } } }), 'a', known)
    const known = { up: { out: artifact('aa') }, other: { out: artifact('bb') } }
    const base = await key(['up', 'other'], ['l', 'r'], known)
    assert.is(await key(['other', 'up'], ['l', 'r'], { up: known.other, other: known.up }), base)
    assert.is.not(await key(['other', 'up'], ['r', 'l'], known), base)
    assert.is.not(await key(['up', 'other'], ['l', 's'], known), base)
    assert.is.not(await key(['up'], ['l'], known), base)
    assert.is.not(await key(['up', 'other'], ['l', 'r'], { ...known, up: { out: artifact('ac') } }), base)
  }))

test('a skipped member of a many port leaves the key as if it were not listed', () =>
  withProject(async ({ dir, open }) => {
    const store = await open()
    const graph = (from: string[]) => sketchGraph(dir, { up: {}, off: {}, a: { inputs: { x: { from, labels: from, many: true } } } })
    assert.is(await keyOf(store, graph(['up', 'off']), 'a', { up: { out: artifact('aa') }, off: 'skipped' }), await keyOf(store, graph(['up']), 'a', { up: { out: artifact('aa') } }))
  }))

test('a file that a parameter names counts by content and extension, not by name or place', () =>
  withProject(async ({ dir, open, write }) => {
    const store = await open()
    const key = (path: string) => keyOf(store, sketchGraph(dir, { a: { params: { path, limit: 3 }, inputs: { file: { param: 'path' } } } }), 'a')
    write('data/x.csv', 'a,b')
    write('moved to/ü.CSV', 'a,b')
    write('x.tsv', 'a,b')
    write('y.csv', 'a,c')
    const base = await key('data/x.csv')
    assert.is(await key('moved to/ü.CSV'), base)
    assert.is(await key(join(dir, 'data/../data/x.csv')), base)
    assert.is.not(await key('x.tsv'), base)
    assert.is.not(await key('y.csv'), base)
  }))

test('a glob counts by the names below its literal prefix and their contents, in order', () =>
  withProject(async ({ dir, open, write }) => {
    const store = await open()
    const key = (paths: string[]) => keyOf(store, sketchGraph(dir, { a: { params: { paths }, inputs: { files: { param: 'paths', glob: true, many: true } } } }), 'a')
    write('docs/a.md', '1')
    write('docs/sub/b.md', '2')
    write('docs/node_modules/m/c.md', 'not mine')
    const base = await key(['docs/**/*.md'])
    assert.is(await key(['docs/**/*.md']), base)
    renameSync(join(dir, 'docs'), join(dir, 'texts'))
    assert.is(await key(['texts/**/*.md']), base)
    write('texts/notes.txt', 'no match')
    assert.is(await key(['texts/**/*.md']), base)
    renameSync(join(dir, 'texts/a.md'), join(dir, 'texts/z.md'))
    assert.is.not(await key(['texts/**/*.md']), base)
    renameSync(join(dir, 'texts/z.md'), join(dir, 'texts/a.md'))
    write('texts/sub/b.md', '3')
    assert.is.not(await key(['texts/**/*.md']), base)
  }))

test('of a glob only *, **, ? and {a,b} mean something, and a name that is there as written is that file', () =>
  withProject(async ({ dir, open, write }) => {
    const store = await open()
    const names = async (reference: string) => {
      const outcome = await outcomeOf(store, sketchGraph(dir, { a: { params: { paths: [reference] }, inputs: { files: { param: 'paths', glob: true, many: true } } } }), 'a')
      return outcome.type === 'ready' ? outcome.inputs.files?.map(f => f.logicalName) : outcome.type === 'blocked' ? outcome.diagnostics.map(d => d.code) : outcome.type
    }
    for (const name of ['d/[1] a.md', 'd/(x).md', 'd/b.txt', 'd/.hidden.md', 'd/{b}.md']) write(name, name)
    assert.equal(await names('d/*.md'), ['(x).md', '[1] a.md', '{b}.md'])
    assert.equal(await names('d/[1]*.md'), ['[1] a.md'])
    assert.equal(await names('d/(x)*'), ['(x).md'])
    assert.equal(await names('d/?.{txt,md}'), ['b.txt'])
    assert.equal(await names('d/{b}.md'), ['{b}.md'])
    assert.equal(await names('d'), ['(x).md', '.hidden.md', '[1] a.md', 'b.txt', '{b}.md'])
    assert.equal(await names('d/*.pdf'), ['missing-file'])
  }))

test('of a model only what its kind counts is in the key, less so through a view, and its reference as written', () =>
  withProject(async ({ dir, open, write }) => {
    const store = await open()
    const key = (path: string, view?: string) =>
      keyOf(store, sketchGraph(dir, { a: { params: { model: path }, inputs: { model: { param: 'model', kind: model, ...(view ? { view } : {}) } } } }), 'a')
    write('m/config.json', '{}')
    write('m/tokenizer.json', 't')
    write('m/README.md', 'read me')
    const [whole, view] = [await key('m'), await key('m', 'tokenizer')]
    write('m/README.md', 'changed')
    assert.is(await key('m'), whole)
    write('m/config.json', '{"a":1}')
    assert.is.not(await key('m'), whole)
    assert.is(await key('m', 'tokenizer'), view)
    write('m/tokenizer.json', 'u')
    assert.is.not(await key('m', 'tokenizer'), view)
    const before = await key('m')
    assert.is.not(await key('./m'), before, 'an adapter holds the reference as written')
  }))

test('a view of an upstream folder counts only its files', () =>
  withProject(async ({ dir, open, write }) => {
    const store = await open()
    const make = async (weights: string, tokenizer: string) => {
      write('out/weights', weights)
      write('out/tokenizer.json', tokenizer)
      return store.ingest(join(dir, 'out'), 'model', 'folder')
    }
    const key = async (output: OutputRecord, view?: string) =>
      keyOf(store, sketchGraph(dir, { up: { outputs: { out: model } }, a: { inputs: { model: { from: ['up'], kind: model, ...(view ? { view } : {}) } } } }), 'a', { up: { out: output } })
    const [one, two] = [await make('1', 't'), await make('2', 't')]
    assert.is(await key(one, 'tokenizer'), await key(two, 'tokenizer'))
    assert.is.not(await key(one), await key(two))
  }))

test('without a code digest nothing is cached and the reason is given', () =>
  withProject(async ({ dir, open }) => {
    const outcome = await outcomeOf(await open(), sketchGraph(dir, { a: { code: null } }), 'a')
    assert.is(outcome.type, 'ready')
    assert.is(outcome.type === 'ready' && outcome.key, undefined)
    assert.match(outcome.type === 'ready' ? (outcome.uncached ?? '') : '', 'nothing of it is kept')
  }))

test('a node whose upstream has not run waits, with its static key known', () =>
  withProject(async ({ dir, open }) => {
    const store = await open()
    const graph = sketchGraph(dir, { up: {}, a: { inputs: { x: { from: ['up'] } } } })
    const waiting = await outcomeOf(store, graph, 'a')
    const ready = await outcomeOf(store, graph, 'a', { up: { out: artifact('aa') } })
    assert.equal(waiting.type === 'waiting' && waiting.for, ['up'])
    assert.is(waiting.type === 'waiting' && waiting.staticKey(), ready.type === 'ready' && ready.staticKey())
    assert.ok(waiting.type === 'waiting' && waiting.staticKey())
  }))

test('an output that was left out blocks who takes it, by name', () =>
  withProject(async ({ dir, open }) => {
    const outcome = await outcomeOf(await open(), sketchGraph(dir, { up: {}, a: { inputs: { x: { from: ['up.validation'] } } } }), 'a', { up: { out: artifact('aa') } })
    assert.equal(outcome.type === 'blocked' && outcome.diagnostics.map(d => d.code), ['absent-output'])
  }))

test('a run looks at a file again for each node, a plan once', () =>
  withProject(async ({ dir, open, write }) => {
    const store = await open()
    const path = write('x.csv', '1')
    const graph = sketchGraph(dir, { a: { params: { path: 'x.csv' }, inputs: { file: { param: 'path' } } } })
    for (const [files, isSame] of [['once', true], ['anew', false]] as const) {
      const context = { shared: sharedLookups(), files }
      const before = await keyOf(store, graph, 'a', {}, context)
      writeFileSync(path, `edited for ${files}`)
      assert.is((await keyOf(store, graph, 'a', {}, context)) === before, isSame, files)
    }
  }))

test('a file that is edited while a stage reads it is noticed afterwards', () =>
  withProject(async ({ dir, open, write }) => {
    const store = await open()
    const path = write('docs/a.md', '1')
    mkdirSync(join(dir, 'other'))
    const graph = sketchGraph(dir, { a: { params: { paths: 'docs/*.md' }, inputs: { files: { param: 'paths', glob: true, many: true } } } })
    const context = { store, registry: { kind: () => undefined } as never, projectRoot: dir, outputsOf: () => undefined, bind: () => undefined, shared: sharedLookups(), outside: new OutsideData(store.root), files: 'once' as const }
    const outcome = await outcomeOf(store, graph, 'a')
    if (outcome.type !== 'ready') return assert.unreachable()
    const node = graph.nodes.get('a' as NodeId) as GraphNode
    assert.equal(await changedSince(node, outcome.inputs, context), [])
    writeFileSync(path, '2')
    assert.equal(await changedSince(node, outcome.inputs, context), ['docs/*.md'])
  }))

test.run()
