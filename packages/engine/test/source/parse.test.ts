import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { findProjectRoot, parseDuration, parsePipeline, parseSize, type ParseOptions, type Pipeline } from '../../src/index.js'
import { brief } from '../resolve-text.js'

const test = suite('reading a pipeline')

const read = (text: string, options: Partial<ParseOptions> = {}) => parsePipeline({ file: '/project/pipelines/sft.yaml', text, projectRoot: '/project', env: {}, ...options })
const pipelineOf = (text: string, options: Partial<ParseOptions> = {}): Pipeline => {
  const result = read(text, options)
  if (!result.ok) throw new Error(brief(result.diagnostics).join('\n'))
  return result.value
}
const stages = 'stages: { a: { uses: x/y } }'

test('a stage has what it says, then what the defaults say, key by key', () => {
  const { stages: [a, b] } = pipelineOf(`
defaults: { seed: 7, timeout: 2h, retry: { attempts: 2, backoff: 5s }, env: { A: "1", B: "2" }, resources: { cpus: 2, memory: 1GiB } }
stages:
  a: { uses: x/y, seed: 1, retry: { backoff: 1s }, env: { B: "3" }, resources: { cpus: 4 }, cache: false }
  b: { uses: x/y@2, retry: 5, env: [HOME] }`)
  assert.equal({ ...a, uses: a!.uses.value }, {
    id: 'a', uses: 'x/y', with: {}, inputs: {}, needs: [], resources: { cpus: 4, memory: '1GiB' }, timeoutMs: 7_200_000,
    retry: { attempts: 2, backoffMs: 1000 }, env: { A: '1', B: '3' }, publish: {}, cache: false, seed: 1,
  })
  assert.equal(b!.retry, { attempts: 5, backoffMs: 5000 })
  assert.equal(b!.env, { A: '1', B: '2', HOME: '${{ env.HOME || null }}' })
  assert.is(b!.seed, 7)
})

test('without a name the pipeline is called as its file', () => {
  assert.is(pipelineOf(stages).name, 'sft')
})

test('YAML 1.2: yes and 010 are what they say, anchors work, x- keys are ignored', () => {
  const { stages: [a, b] } = pipelineOf(`
x-any: [1, { deep: true }]
stages:
  a: { uses: x/y, with: &w { answer: yes, octal: 010, hex: 0x10, off: off, null: ~ } }
  b: { uses: x/y, with: *w }`)
  assert.equal(a!.with, { answer: 'yes', octal: 10, hex: 16, off: 'off', null: null })
  assert.equal(b!.with, a!.with)
})

test('values of --set are typed by the defaults, and go before --params', () => {
  const text = `params: { rank: 8, rate: 0.1, base: ./m, pack: false, list: [1], options: { depth: 2, wide: true }, any: null }\n${stages}`
  const paramsFile = { file: '/project/p.yaml', text: 'rank: 16\nbase: ./other\n' }
  const set = ['rank=32', 'rate=1e-3', 'pack=true', 'list=[4, 5]', 'options.depth=3', 'any=7']
  assert.equal(pipelineOf(text, { set, paramsFile }).params, { rank: 32, rate: 0.001, base: './other', pack: true, list: [4, 5], options: { depth: 3, wide: true }, any: 7 })
  assert.is(pipelineOf(text, { set: { base: '007' } }).params.base, '007')
  assert.is(pipelineOf(text, { set: ['base=a=b'] }).params.base, 'a=b')
})

test('a matrix may take its values from parameters and the environment', () => {
  const { stages: [a] } = pipelineOf('params: { ranks: [4, 8] }\nstages: { a: { uses: x/y, matrix: { rank: "${{ params.ranks }}", n: "${{ fromJSON(env.N) }}", include: [{ rank: "${{ params.ranks[0] }}", extra: 1 }] } } }', { env: { N: '[1,2]' } })
  assert.equal(a!.matrix, { axes: { rank: [4, 8], n: [1, 2] }, exclude: [], include: [{ rank: 4, extra: 1 }] })
})

test('a place in the file is found for keys, values and what comes from the defaults', () => {
  const text = 'defaults: { seed: 3 }\nstages:\n  a:\n    uses: x/y\n    with: { rank: 8, list: [1, "two"] }\n'
  const { rangeOf } = pipelineOf(text)
  const at = (path: (string | number)[], which?: 'key' | 'value') => text.slice(rangeOf(path, which).offset).slice(0, rangeOf(path, which).length)
  assert.is(at(['stages', 'a', 'with', 'rank']), '8')
  assert.is(at(['stages', 'a', 'with', 'rank'], 'key'), 'rank')
  assert.is(at(['stages', 'a', 'with', 'list', 1]), '"two"')
  assert.is(at(['stages', 'a', 'seed']), '3')
  assert.is(at(['stages', 'a', 'with', 'nowhere', 'deeper']), '{ rank: 8, list: [1, "two"] }')
})

test('carriage returns, a byte order mark and wide characters do not move a place', () => {
  const text = '\ufeffstages:\r\n  a:\r\n    uses: x/y\r\n    with: { größe: "日本 ${{ params.x }}" }\r\n'
  assert.equal(brief(read(text).diagnostics), ['expression-name 4:35 The pipeline has no parameter "x". | Give it a default under `params:`.'])
})

test('keys such as __proto__ and constructor are keys like any other', () => {
  const { stages: [a] } = pipelineOf('stages: { a: { uses: x/y, with: { __proto__: { polluted: 1 }, constructor: 2 } } }')
  assert.equal(Object.keys(a!.with), ['__proto__', 'constructor'])
  assert.is(({} as { polluted?: number }).polluted, undefined)
})

test('10 MB of nesting is refused at its first levels, fast and without a full stack', () => {
  for (const text of ['['.repeat(10_000_000), '{a: '.repeat(2_500_000), '- '.repeat(5_000_000), '? '.repeat(5_000_000), Array.from({ length: 4000 }, (_, i) => `${' '.repeat(i)}a:`).join('\n')]) {
    const started = performance.now()
    const result = read(text)
    assert.equal(result.diagnostics.map(d => d.code), ['yaml-nesting'])
    assert.ok(performance.now() - started < 20_000, `${performance.now() - started} ms`)
  }
})

test('a thousand syntax errors are twenty messages', () => {
  assert.is(read('stages: {\n'.concat('a: ]\n'.repeat(1000))).diagnostics.length, 20)
})

test('durations and sizes are read with their units', () => {
  assert.equal(['90s', '1.5h', '1h30m', '250ms', 5, '2d', 'soon', '5 x', -1, ''].map(parseDuration), [90_000, 5_400_000, 5_400_000, 250, 5000, 172_800_000, undefined, undefined, undefined, undefined])
  assert.equal(['4GiB', '500 MB', '1.5G', 1024, '2Ki', '4 elephants', -1, 'GiB'].map(parseSize), [2 ** 32, 5e8, 1.5 * 2 ** 30, 1024, 2048, undefined, undefined, undefined])
})

test('the project root is the nearest folder above with package.json or hone.yaml, else that of the file', () => {
  const root = mkdtempSync(join(tmpdir(), 'hone root '))
  try {
    mkdirSync(join(root, 'a/b/c'), { recursive: true })
    writeFileSync(join(root, 'a/hone.yaml'), '')
    assert.is(findProjectRoot(join(root, 'a/b/c/p.yaml')), join(root, 'a'))
    writeFileSync(join(root, 'a/b/package.json'), '{}')
    assert.is(findProjectRoot(join(root, 'a/b/c/p.yaml')), join(root, 'a/b'))
  } finally {
    rmSync(root, { recursive: true })
  }
})

test.run()
