// The plugin of a world: its stages, and the code that they reach.
import type { Code } from './world.js'

export function pluginOf({ functions, unreached, comment, version, defaultWord, sideKind }: Code): Record<string, string> {
  const said = '// Said again.\n'.repeat(comment % 3)
  const sum = (i: number, a: string) => (functions[i]!.isTurned ? `${functions[i]!.constant} + ${a}` : `${a} + ${functions[i]!.constant}`)
  return {
    'plugin.ts': `import { readFileSync } from 'node:fs'
import { defineKind, definePlugin, defineStage, params } from 'hone-engine'
const numbers = defineKind({ id: 'numbers', summary: 'Rows of a number.', form: 'file', extension: 'jsonl', rows: {}, accepts: ['figures', 'rows'] })
const figures = defineKind({ id: 'figures', summary: 'The same.', form: 'file', extension: 'jsonl', rows: {} })
const box = defineKind({ id: 'box', summary: 'A folder of texts.', form: 'folder', accepts: ['folder'] })
const lines = defineKind({ id: 'lines', summary: 'A text.', form: 'file' })
const one = { kind: numbers, optional: true }
const stage = (id, run, more = {}, properties = {}) => defineStage({
  id, version: ${version}, summary: 'Makes numbers of all that it is given.', determinism: 'bytes', light: true, run, ...more,
  params: params({ type: 'object', additionalProperties: false, properties: {
    add: { type: 'integer', default: 2 }, mod: { type: 'integer' }, word: { type: 'string', default: '${defaultWord}' },
    paths: { type: 'array', items: { type: 'string' }, artifact: { port: 'files', glob: true } },
    pass: { type: 'string', default: '' }, fragile: { type: 'boolean', default: false }, ...properties,
  } }),
  inputs: { a: one, b: one, c: { kind: box, optional: true }, many: { ...one, many: true }, boxes: { kind: box, optional: true, many: true }, files: { kind: lines, many: true, optional: true } },
  outputs: { out: { kind: numbers }, side: { kind: ${sideKind} }, box: { kind: box } },
})
export default definePlugin({ name: 'soak', api: 1, kinds: [numbers, figures, box, lines], stages: [
  stage('soak/mix', () => import('./mix.js')),
  stage('soak/twist', () => import('./twist.js')),
  stage('soak/rowwise', () => import('./rowwise.js')),
  stage('soak/grow', () => import('./grow.js'), { extends: ['rounds'] }, { rounds: { type: 'integer', default: 1 } }),
  stage('soak/fetch', () => import('./fetch.js'), { probe: async ({ params }) => readFileSync(new URL('./outside/o' + params.source + '.txt', import.meta.url), 'utf8') }, { source: { type: 'integer' } }),
] })
`,
    'mix.ts': `import { total } from './total.js'\nimport { spread } from './spread.js'\n${said}import { tint } from './tint.js'\nexport default c => total(c, (n, i) => spread(tint(n, i), c.params.mod))\n`,
    'twist.ts': `import { total } from './total.js'\nimport { spread } from './spread.js'\nimport { turn } from './deep/turn.js'\nexport default c => total(c, (n, i) => spread(turn(n) - i, c.params.mod))\n`,
    'fetch.ts': `import { readFileSync } from 'node:fs'
import { hash, total } from './total.js'
import { spread } from './spread.js'
export default c => total(c, (n, i) => spread(n + i + hash(readFileSync(c.projectRoot + '/outside/o' + c.params.source + '.txt', 'utf8')), c.params.mod))
`,
    // Few different rows, so that what was computed for others is used again.
    'rowwise.ts': `import { total } from './total.js'
import { spread } from './spread.js'
import { turn } from './deep/turn.js'
export default c => total(c, async (n, i) => {
  for await (const v of c.memo.map([n % 5 + i], { salt: { mod: c.params.mod } }, rows => rows.map(r => spread(turn(r), c.params.mod)))) return v
})
`,
    'grow.ts': `import { readFileSync, writeFileSync } from 'node:fs'
import { total } from './total.js'
import { spread } from './spread.js'
import { tint } from './tint.js'
export default c => {
  let grown
  return total(c, (n, i) => (grown ??= grow(n, c)) + i)
}
function grow(n, { params, prior, keep }) {
  const from = prior.find(p => p.params.rounds <= params.rounds)
  let { done, state } = from ? JSON.parse(readFileSync(from.path + '/state.json', 'utf8')) : { done: 0, state: n }
  for (; done < params.rounds; done++) state = spread(tint(state, 1), params.mod)
  writeFileSync(keep + '/state.json', JSON.stringify({ done, state }))
  return state
}
`,
    'spread.ts': `${said}export const spread = (n, mod) => (${sum(0, 'n')}) % mod\nexport const unreached = () => ${unreached}\n`,
    'tint.ts': `export const tint = (n, i) => ${sum(1, 'n * (i + 1)')}\n`,
    'deep/turn.ts': `export const turn = n => ${sum(2, 'n * 3')}\n${said}`,
    'total.ts': total,
  }
}

const total = `import { existsSync, linkSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
export const hash = text => { let n = 7; for (const c of text) n = (n * 31 + c.charCodeAt(0)) % 1009; return n }
const sum = async rows => { let n = 0; if (rows) for await (const { v } of rows) n = n * 3 + v; return n % 1009 }
function resist(outage, what) {
  if (existsSync(outage + '/all')) throw new Error('there is an outage')
  if (!existsSync(outage + '/first') || existsSync(outage + '/met-' + what)) return
  writeFileSync(outage + '/met-' + what, '')
  throw new Error('there was an outage')
}
const unboxed = dir => hash(readdirSync(dir, { recursive: true, withFileTypes: true }).filter(e => e.isFile()).map(e => (e.path + '/' + e.name).slice(dir.length + 1)).sort().map(name => name + '=' + readFileSync(dir + '/' + name, 'utf8')).join(';'))
function fill(dir, add, out, c) {
  mkdirSync(dir + '/deep/er', { recursive: true })
  for (const [name, text] of [['v.txt', add + '\\n'], ['same.txt', 'same\\n'], ['empty', ''], ['deep/er/out.jsonl', out]]) writeFileSync(dir + '/' + name, text)
  symlinkSync('v.txt', dir + '/link.txt')
  if (c) linkSync(c + '/link.txt', dir + '/c.txt')
}
export async function total({ params, inputs, outputs, seed, env, metric, log, projectRoot }, each) {
  let n = params.add * 3 + hash(params.word) + seed * 5 + hash(env.E ?? '') + 7 * await sum(inputs.a) + 11 * await sum(inputs.b)
  if (inputs.c) n += unboxed(inputs.c.path)
  for (const [i, member] of (inputs.many ?? []).entries()) n += hash(member.label) * (i + 1) + 13 * (i + 2) * await sum(member)
  for (const [i, member] of (inputs.boxes ?? []).entries()) n += hash(member.label) * (i + 1) + unboxed(member.path)
  for (const [i, file] of (inputs.files ?? []).entries()) n += hash(file.logicalName) * (i + 1) + hash(readFileSync(file.path, 'utf8'))
  for (const secret of [env.T ?? '', params.pass]) if (secret !== '' && !/^tok-\\d-tok$/.test(secret)) throw new Error('that is not the secret')
  log('with ' + params.pass + (env.T ?? ''))
  if (params.fragile) resist(projectRoot + '/outage', hash(JSON.stringify(params)) + '-' + n)
  let [all, out] = [0, '']
  for (let i = 0; i < 3; i++) {
    const v = await each(n, i)
    all += v
    out += JSON.stringify({ v }) + '\\n'
    await outputs.out.write({ v })
  }
  await outputs.side.write({ v: params.add })
  fill(outputs.box.path, params.add, out, inputs.c?.path)
  metric('all', all)
}
`
