// What a plugin's stage throws is told at the place of the plugin's own source.
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Project } from './rig.js'

const test = suite('throwing plugins')

/** A stage whose work lies in a file of its own, below a folder, and in a dependency. */
const files = {
  'plugins/throwing.ts': `import { definePlugin, defineStage, defineKind, params } from 'hone-engine'
const rows = defineKind({ id: 'lines', summary: 'Lines.', form: 'file', extension: 'jsonl', rows: {} })
const stage = (id: string, run: () => Promise<any>) => defineStage({ id, version: 1, summary: 'Throws.', params: params({ type: 'object' }), inputs: {}, outputs: { rows: { kind: rows } }, determinism: 'bytes', run })
export default definePlugin({ name: 'throwing', api: 1, kinds: [rows], stages: [
  stage('throw/here', () => import('./work/here.run')),
  stage('throw/dependency', () => import('./work/dependency.run')),
  stage('throw/exit', () => import('./work/exit.run')),
] })
`,
  'plugins/work/here.run.ts': `// Comments and types are gone in what runs.
interface Row { readonly title: string }

function titleOf(row: Row): string {
  return row.title.trim()
}

export default async function run({ outputs }: { outputs: any }): Promise<void> {
  await outputs.rows.write({ title: titleOf({} as Row) })
}
`,
  'plugins/work/dependency.run.ts': `import { parse } from 'breaks'
type Nothing = undefined

export default function run(): Nothing {
  return parse('text')
}
`,
  'plugins/work/exit.run.ts': `/** Ends all. */
export default function run(): void {
  process.exit(4)
}
`,
  'node_modules/breaks/package.json': '{"name":"breaks","version":"1.0.0","type":"module","main":"index.js"}',
  'node_modules/breaks/index.js': "export function parse(text) {\n  throw new Error('first line, ' + 'long '.repeat(100) + '\\nsecond line')\n}\n",
  'pipeline.yaml': `plugins: [./plugins/throwing.ts]
stages:
  here: { uses: throw/here }
  dependency: { uses: throw/dependency }
  exit: { uses: throw/exit }
`,
}

test('`--json` has file, line and column of the source, whatever was bundled', async () => {
  const project = Project.make(files)
  const ran = await project.run('--keep-going')
  assert.is(ran.code, 1)
  const place = (stage: string) => {
    const { code, range } = ran.finished(stage).failure!.diagnostic!
    return [code, range!.file, range!.line, range!.column]
  }
  assert.equal(place('here'), ['stage-failed', project.path('plugins/work/here.run.ts'), 5, 20])
  assert.equal(place('dependency'), ['stage-failed', project.path('plugins/work/dependency.run.ts'), 5, 10])
  assert.equal(place('exit'), ['stage-failed', project.path('plugins/work/exit.run.ts'), 3, 11])
  assert.match(ran.finished('dependency').failure!.stack!, /node_modules\/breaks\/index\.js:2:9/)
})

test('the summary has the place, and a short line for a long message; the log has the stack', async () => {
  const project = Project.make(files)
  const ran = await project.hone('run', 'pipeline.yaml', '--keep-going')
  assert.match(ran.stdout, /^plugins\/work\/here\.run\.ts:5:20 failed: here \(throw\/here\): TypeError: Cannot read properties of undefined \(reading 'trim'\)$/m)
  const [line = ''] = ran.stdout.split('\n').filter(l => l.startsWith('plugins/work/dependency.run.ts:5:10 failed: dependency (throw/dependency): first line, long'))
  assert.ok(line.length > 0 && line.length < 400, line)
  assert.match(ran.stdout, /^ {2}second line$/m)
  const log = await project.hone('show', 'last', 'here', '--log')
  assert.match(log.stdout, /TypeError: Cannot read.*\n.*at titleOf \(.*plugins\/work\/here\.run\.ts:5:20\)/)
})

test.run()
