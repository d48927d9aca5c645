import { readFile } from 'node:fs/promises'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { Project, plugin, statuses } from './project.js'

test('a stage gets a service that another plugin provides, made from one of a third', async () => {
  const project = await Project.make({
    'names.ts': `import { definePlugin, defineService } from 'hone-engine'
export const name = defineService<string>('name')
export default definePlugin({ name: 'names', api: 1, provides: [{ token: name, create: () => 'world' }] })
`,
    'greetings.ts': `import { definePlugin, defineService } from 'hone-engine'
import { name } from './names'
export const greeter = defineService<{ greet(): string }>('greeter')
export default definePlugin({ name: 'greetings', api: 1, provides: [{ token: greeter, create: resolve => ({ greet: () => 'hello ' + resolve(name) }) }] })
`,
    'plugin.ts': plugin({ 'use/it': { more: 'services: { greeter, }, light: true,', run: '({ services, outputs }) => outputs.rows.write({ said: services.greeter.greet() })' } }, "import { greeter } from './greetings'"),
    'pipeline.yaml': 'plugins: [./plugin.ts, ./greetings.ts, ./names.ts]\nstages:\n  it: { uses: use/it }\n',
  })
  const ran = await project.run()
  assert.equal(statuses(ran), { it: 'ran' }, JSON.stringify(ran.finished.it?.failure))
  assert.is(await readFile(ran.finished.it!.outputs.rows!.path, 'utf8'), '{"said":"hello world"}\n')
})

test('an executor of a plugin runs the stages that ask for it; one that nobody provides is a mistake', async () => {
  const project = await Project.make({
    'executor.ts': `import { appendFileSync } from 'node:fs'
import { definePlugin, executorNamed } from 'hone-engine'
const make = ({ projectRoot }) => ({
  async run({ request }) { appendFileSync(request.outputs.rows.path, '{"by":"far"}\\n'); return { ok: true, metrics: { projectRoot: projectRoot.length } } },
  async close() {},
})
export default definePlugin({ name: 'far', api: 1, provides: [{ token: executorNamed('far'), create: () => make }] })
`,
    'plugin.ts': plugin({ 'use/it': { run: "({ outputs }) => outputs.rows.write({ by: 'here' })" } }),
    'pipeline.yaml': 'plugins: [./plugin.ts, ./executor.ts]\nstages:\n  far: { uses: use/it, executor: far, seed: 1 }\n  here: { uses: use/it, executor: local, seed: 2 }\n',
  })
  const ran = await project.run()
  assert.equal(statuses(ran), { far: 'ran', here: 'ran' })
  assert.equal(await Promise.all(['far', 'here'].map(s => readFile(ran.finished[s]!.outputs.rows!.path, 'utf8'))), ['{"by":"far"}\n', '{"by":"here"}\n'])
  await project.write({ 'executor.ts': "import { definePlugin, executorNamed } from 'hone-engine'\nexport default definePlugin({ name: 'far', api: 1, provides: [{ token: executorNamed('far'), create: () => () => ({ run() {} }) }] })\n" })
  const broken = await project.run({ force: true })
  assert.equal([broken.finished.far!.status, broken.finished.far!.failure!.message], ['failed', 'the executor far of the plugin far has no close'])
  await project.write({ 'pipeline.yaml': 'plugins: [./plugin.ts]\nstages:\n  far: { uses: use/it, executor: slurm }\n' })
  assert.equal((await project.run()).outcome.diagnostics.map(d => [d.code, d.range?.line]), [['unknown-executor', 3]])
})

test('what a stage imports as it runs may be compiled CommonJS, whose default export lies in its exports', async () => {
  const project = await Project.make({
    'compiled.run.cjs': "Object.defineProperty(exports, '__esModule', { value: true })\nexports.default = ({ outputs }) => outputs.rows.write({ by: 'cjs' })\n",
    'plugin.ts': plugin({ 'use/it': { more: 'light: true,', run: '0' } }).replace('run: async () => ({ default: 0 })', "run: () => import('./compiled.run.cjs')"),
    'pipeline.yaml': 'plugins: [./plugin.ts]\nstages:\n  it: { uses: use/it }\n',
  })
  const ran = await project.run()
  assert.equal(statuses(ran), { it: 'ran' }, ran.finished.it?.failure?.message)
})

test('rows of a memo are computed once, also over a failure and another list of what is asked', async () => {
  const project = await Project.make({
    'plugin.ts': plugin({
      'map/rows': {
        params: "path: { type: 'string', artifact: { port: 'rows' } }, failing: { type: 'boolean', default: false }",
        inputs: 'rows: { kind: rows }',
        run: `async ({ inputs, outputs, memo, params, metric }) => {
          let computed = 0, seen = 0
          for await (const row of memo.map(inputs.rows, { salt: 'v1' }, ([r]) => (computed++, [{ double: r.a * 2 }]))) {
            if (params.failing && ++seen === 3) throw new Error('half-way')
            await outputs.rows.write(row)
          }
          metric('computed', computed)
        }`,
      },
    }),
    'in.jsonl': '{"a":1}\n{"a":2}\n{"a":3}\n{"a":4}\n',
    'pipeline.yaml': 'params: { failing: true }\nplugins: [./plugin.ts]\nstages:\n  map: { uses: map/rows, with: { path: in.jsonl, failing: "${{ params.failing }}" } }\n',
  })
  assert.equal(statuses(await project.run()), { map: 'failed' })
  const ran = await project.run({ set: ['failing=false'] })
  assert.equal([statuses(ran), ran.finished.map!.metrics], [{ map: 'ran' }, { computed: 1 }])
  await project.write({ 'in.jsonl': '{"a":9}\n{"a":1}\n{"a":2}\n' })
  const changed = await project.run({ set: ['failing=false'] })
  assert.equal(changed.finished.map!.metrics, { computed: 1 })
  assert.is(await readFile(changed.finished.map!.outputs.rows!.path, 'utf8'), '{"double":18}\n{"double":2}\n{"double":4}\n')
})

test('what has no code digest runs every time and says why; `cache: false` too', async () => {
  const project = await Project.make({
    'plugin.ts': plugin({ 'use/unknown': { params: "module: { type: 'string', default: 'node:os' }", run: '({ params, outputs }) => import(params.module).then(m => outputs.rows.write({ eol: m.EOL }))' } }),
    'other.ts': plugin({ 'use/known': { run: '({ outputs }) => outputs.rows.write({ a: 1 })' }, 'use/rows': { inputs: 'rows: { kind: rows }', run: 'async ({ inputs, outputs }) => { for await (const r of inputs.rows) await outputs.rows.write(r) }' } }).replace("name: 'test'", "name: 'other'"),
    'pipeline.yaml': 'plugins: [./plugin.ts, ./other.ts]\nstages:\n  unknown: { uses: use/unknown }\n  after: { uses: use/rows, inputs: { rows: unknown } }\n  never: { uses: use/known, cache: false }\n',
  })
  assert.equal(statuses(await project.run()), { unknown: 'ran', after: 'ran', never: 'ran' })
  const again = await project.run()
  assert.equal(statuses(again), { unknown: 'ran', after: 'hit', never: 'ran' })
  assert.match(again.finished.unknown!.because[0]!, /cannot be followed/)
  assert.equal(again.finished.never!.because, ['`cache: false`'])
})

test.run()
