// Collections: what plugins provide several of, by name, and what it has to do with keys.
import { readFile } from 'node:fs/promises'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { Project, plugin, statuses } from './project.js'

const collection = `import { defineCollection } from 'hone-engine'
export const shouts = defineCollection<(text: string) => string>('shout', { known: ['plain'], literal: '!$' })
`
const provider = (name: string, members: Record<string, string>) => `import { definePlugin } from 'hone-engine'
import { shouts } from './shouts'
export default definePlugin({ name: '${name}', api: 1, provides: [${Object.entries(members).map(([member, load]) => `{ token: shouts, name: '${member}', summary: 'For a test.', load: ${load} }`).join(', ')}] })
`
const stage = plugin(
  {
    'say/it': {
      params: "shouts: { type: 'array', items: { type: 'string', provided: 'shouts' }, default: ['plain'] }, one: { type: 'string', provided: 'shouts' }",
      more: 'services: { shouts }, light: true,',
      run: "({ params, services, outputs }) => outputs.rows.write({ names: [...services.shouts.keys()], said: params.shouts.map(s => services.shouts.get(s)?.('it') ?? s) })",
    },
    'say/each': {
      params: "shout: { type: 'string', provided: 'shouts' }",
      more: 'services: { shouts }, light: true,',
      run: "async ({ params: { shout }, services, outputs, memo }) => { for await (const row of memo.map([{ said: 'it' }], { salt: shout }, rows => rows.map(({ said }) => ({ said: services.shouts.get(shout)(said) })))) await outputs.rows.write(row) }",
    },
  },
  "import { shouts } from './shouts'",
)
const files = {
  'shouts.ts': collection,
  'plugin.ts': stage,
  'loud.ts': provider('loud', { upper: "async () => ({ default: upper })" }).replace('\n', "\nimport upper from './upper'\n"),
  'double.ts': provider('double', { twice: "() => import('./twice')" }),
  'upper.ts': "import { shout } from './shout'\nexport default (text: string) => shout(text)\n",
  'shout.ts': 'export const shout = (text: string) => text.toUpperCase()\nexport const whisper = (text: string) => text.toLowerCase()\n',
  'twice.ts': 'export default (text: string) => text + text\n',
}
const pipeline = (stages: string, plugins = './plugin.ts, ./loud.ts, ./double.ts') => `plugins: [${plugins}]\nstages:\n${stages}`
const make = (stages: string, more: Record<string, string> = {}) => Project.make({ ...files, 'pipeline.yaml': pipeline(stages), ...more })
const told = async (project: Project) => (await project.run()).outcome.diagnostics.map(d => `${d.range?.line}:${d.range?.column} ${d.code}: ${d.message}${d.hint ? ` ${d.hint}` : ''}`)

test('a stage gets those of a collection that its parameters name, and no other', async () => {
  const project = await make('  a: { uses: say/it, with: { shouts: [upper, plain, "now!"] } }\n  b: { uses: say/it }\n')
  const ran = await project.run()
  assert.equal(statuses(ran), { a: 'ran', b: 'ran' }, JSON.stringify(ran.finished))
  const said = async (name: string) => JSON.parse(await readFile(ran.finished[name]!.outputs.rows!.path, 'utf8'))
  assert.equal([await said('a'), await said('b')], [{ names: ['upper'], said: ['IT', 'plain', 'now!'] }, { names: [], said: ['plain'] }])
})

test('a changed function reruns what names it, and nothing else; a function that it does not reach reruns nothing', async () => {
  const project = await make('  a: { uses: say/it, with: { shouts: [upper] } }\n  b: { uses: say/it, with: { one: twice } }\n  c: { uses: say/it }\n')
  assert.equal(statuses(await project.run()), { a: 'ran', b: 'ran', c: 'ran' })
  assert.equal(statuses(await project.run()), { a: 'hit', b: 'hit', c: 'hit' })
  await project.write({ 'shout.ts': files['shout.ts'].replace('toLowerCase()', 'trim()') })
  assert.equal(statuses(await project.run()), { a: 'hit', b: 'hit', c: 'hit' })
  await project.write({ 'shout.ts': files['shout.ts'].replace('toUpperCase()', "toUpperCase() + '!'") })
  const changed = await project.run()
  assert.equal(statuses(changed), { a: 'ran', b: 'hit', c: 'hit' })
  assert.equal(changed.finished.a!.because, ['shout upper changed'])
  assert.match(await readFile(changed.finished.a!.outputs.rows!.path, 'utf8'), /IT!/)
  await project.write({ 'loud.ts': `${files['loud.ts']}// A comment.\n` })
  assert.equal(statuses(await project.run()), { a: 'hit', b: 'hit', c: 'hit' })
})

test('rows are remembered under the code of what the parameters name, too', async () => {
  const project = await make('  a: { uses: say/each, with: { shout: upper } }\n')
  const said = async () => readFile((await project.run()).finished.a!.outputs.rows!.path, 'utf8')
  assert.match(await said(), /"IT"/)
  await project.write({ 'shout.ts': files['shout.ts'].replace('toUpperCase()', "toUpperCase() + '!'") })
  assert.match(await said(), /"IT!"/)
})

test('what its code is cannot be known makes nothing kept of the stage that names it', async () => {
  const project = await make('  a: { uses: say/it, with: { shouts: [upper] } }\n  c: { uses: say/it }\n', { 'upper.ts': "const from = 'node:os'\nexport default (text: string) => import(from + '').then(() => text)\n" })
  assert.equal(statuses(await project.run()), { a: 'ran', c: 'ran' })
  const again = await project.run()
  assert.equal(statuses(again), { a: 'ran', c: 'hit' })
  assert.match(again.finished.a!.because[0]!, /the code that the shout upper runs cannot be followed \(.*\), so nothing of it is kept/)
})

test('a name that nobody provides, and one that is not known before the run, are mistakes at their place', async () => {
  assert.equal(await told(await make('  a: { uses: say/it, with: { shouts: [plain, uper] } }\n')), ['3:46 bad-parameter: "shouts[1]" names no shout; got "uper". Did you mean "upper"?'])
  assert.equal(await told(await make('  a:\n    uses: say/it\n    with: { one: "${{ secrets.KEY }}" }\n')), ['5:18 expression-place: "one" names a shout, which must be known before the run; a digest or a secret is not.', '5:18 bad-parameter: "one" names no shout; got "${{ secrets.KEY }}". There are plain, upper, twice.'].slice(0, 1))
  const matrix = await make('  a: { uses: say/it, matrix: { s: [upper, twice, uper] }, with: { one: "${{ matrix.s }}" } }\n')
  assert.match((await told(matrix))[0]!, /"one" names no shout; got "uper"\. Did you mean "upper"\?/)
})

test('two of one name, one of a name of hone, and one that is none are mistakes at the plugin that comes later', async () => {
  const twin = (members: Record<string, string>) => ({ 'twin.ts': provider('twin', members), 'pipeline.yaml': pipeline('  c: { uses: say/it }\n', './plugin.ts, ./loud.ts, ./twin.ts') })
  const load = "() => import('./twice')"
  assert.equal(await told(await make('', twin({ upper: load }))), ['1:35 plugin-conflict: the shout upper of twin is also provided by loud Give it another name.'])
  assert.equal(await told(await make('', twin({ plain: load }))), ['1:35 plugin-conflict: the shout plain of twin is also one of hone itself Give it another name.'])
  assert.equal(await told(await make('', twin({ Upper: load }))), ['1:35 plugin-fault: twin.ts: each shout must be { token, name, summary, load }, with a name of a-z, 0-9, _ and -'])
  assert.equal(await told(await make('', twin({ other: "'twice'" }))), ['1:35 plugin-fault: twin.ts: the shout other has no function "load" that imports the module whose default export it is'])
})

test('a plugin replaces the store, and its failure is told as that', async () => {
  const store = (open: string) => `import { appendFileSync } from 'node:fs'
import { definePlugin, openStore, services } from 'hone-engine'
export default definePlugin({ name: 'stores', api: 1, provides: [{ token: services.store, create: () => ${open} }] })
`
  const counting = store(`async options => {
  const store = await openStore(options)
  return new Proxy(store, { get(target, name) {
    const value = Reflect.get(target, name)
    if (name === 'lookup') appendFileSync(options.projectRoot + '/lookups', 'x')
    return typeof value === 'function' ? value.bind(target) : value
  } })
}`)
  const project = await make('', { 'stores.ts': counting, 'pipeline.yaml': pipeline('  c: { uses: say/it }\n', './plugin.ts, ./stores.ts') })
  assert.equal(statuses(await project.run()), { c: 'ran' })
  assert.equal(statuses(await project.run()), { c: 'hit' })
  assert.match(await readFile(project.path('lookups'), 'utf8'), /^x+$/)
  await project.write({ 'stores.ts': store("async () => { throw new Error('no bucket') }") })
  assert.equal(await told(project), ['undefined:undefined plugin-fault: the store of stores cannot be opened: no bucket'])
  const copied = async (open: string) => (await project.write({ 'stores.ts': store(open) }), (await told(project))[0]!)
  assert.match(await copied('async options => ({ ...(await openStore(options)) })'), /^undefined:undefined plugin-fault: the store of the plugin stores has no lookup, lookupStatic, .*, close It must have each of them\. A copy .* hand each call on/)
  assert.match(await copied('({})'), /plugin-fault: the store of the plugin stores is made as object; a function that opens a store is wanted/)
  await project.write({ 'stores.ts': store('({ nowMs: () => 0 })').replace('services.store', 'services.clock') })
  assert.match((await told(project))[0]!, /plugin-fault: the clock of the plugin stores has no random It must have/)
})

test.run()
