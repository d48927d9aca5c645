// Each folder of examples/ in a project of its own: runs as its expected.json says, and the same again finds everything.
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync, readdirSync, rmSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Project } from './rig.js'
import { root } from './sources.js'

const test = suite('examples')

interface Expected {
  /** One after the other in one project; `edit` changes files first: from what text to what, and `name#2` a second time. */
  readonly runs: readonly {
    readonly edit?: Readonly<Record<string, readonly [string, string]>>
    readonly args: readonly string[]
    readonly exit: number
    readonly stages: Readonly<Record<string, string>>
  }[]
  /** Takes more than seconds: CI runs it, with HONE_ALL_EXAMPLES, and here it is validated. */
  readonly isLong?: boolean
  /** What stages left after all of it, with the parameters of the last run. */
  readonly outputs: Readonly<Record<string, string>>
}

const names = readdirSync(join(root, 'examples'), { withFileTypes: true }).filter(e => e.isDirectory()).map(e => e.name)
// Some need what has to be installed first; their folder says so by leaving expected.json out, and they are validated.
const runnable = names.filter(name => existsSync(join(root, 'examples', name, 'expected.json')))

test('every example says what it is', () => {
  assert.ok(runnable.includes('engine-tour'))
  for (const name of names) for (const file of ['pipeline.yaml', 'README.md']) assert.ok(existsSync(join(root, 'examples', name, file)), `${name}/${file}`)
})

const expectedOf = (name: string) => JSON.parse(readFileSync(join(root, 'examples', name, 'expected.json'), 'utf8')) as Expected
const tried = runnable.filter(name => !expectedOf(name).isLong || process.env['HONE_ALL_EXAMPLES'] !== undefined)

/** All of examples/, as one may name the files of another, without what was run there. */
function copyOfExamples(): Project {
  const project = Project.make()
  project.copyIn(join(root, 'examples'), 'examples')
  for (const name of names) for (const left of ['.hone', 'out']) rmSync(project.path('examples', name, left), { recursive: true, force: true })
  symlinkSync(join(root, 'models'), project.path('models'))
  return project
}

for (const name of names.filter(name => !tried.includes(name))) test(`${name} has no mistake`, async () => {
  const { code, stdout, stderr } = await copyOfExamples().hone('validate', `examples/${name}/pipeline.yaml`)
  assert.is(code, 0, stdout + stderr)
})

const tableLine = /^\S+ +\S+\/\S+ +(ran|hit|skipped|failed)\b.*$/gm
/** The stages of a table with what became of them and their metrics, without how long each took. */
const table = (text: string) => (text.match(tableLine) ?? []).map(line => line.replace(/ \d+(\.\d+)? (ms|s|min)\b/, '').replace(/ +/g, ' ').trim())

for (const name of tried) test(`${name} does what it says, and again it is all hits`, async () => {
  const expected = expectedOf(name)
  const project = copyOfExamples()
  const folder = `examples/${name}`
  const file = `${folder}/pipeline.yaml`
  const run = (args: readonly string[]) => project.hone('run', file, ...args, '--json')
  for (const [i, { edit = {}, args, exit, stages }] of expected.runs.entries()) {
    for (const [edited, [from, to]] of Object.entries(edit)) project.edit(`${folder}/${edited.split('#')[0]}`, from, to)
    const ran = await run(args)
    assert.equal(ran.statuses, stages, ran.stderr)
    assert.is(ran.code, exit)
    if (i === 0) {
      const [text = ''] = /^\$ hone run [^]*?^succeeded/m.exec(readFileSync(project.path(folder, 'README.md'), 'utf8')) ?? []
      const ofReadme = table(text)
      const shown = table((await project.start(['show', 'last'], { cwd: folder }).ended).stdout)
      // Where there is no metric, `show` says why the stage ran.
      assert.equal(ofReadme, shown.map((line, n) => (line.startsWith(`${ofReadme[n]} `) ? ofReadme[n] : line)), 'the table that its README shows first')
    }
    if (exit !== 0) continue
    const again = await run(args)
    assert.equal(again.statuses, Object.fromEntries(Object.entries(stages).map(([stage, status]) => [stage, status === 'ran' ? 'hit' : status])))
    assert.equal(again.of('stage-started'), [])
  }
  const { args } = expected.runs.at(-1)!
  const params = args.flatMap((arg, i) => (arg === '--set' ? [arg, args[i + 1]!] : []))
  for (const [output, text] of Object.entries(expected.outputs)) {
    const found = await project.hone('artifacts', file, output, ...params, '--json')
    assert.is(found.code, 0, found.stderr)
    assert.is(readFileSync(found.json.artifacts[0].path as string, 'utf8'), text, output)
  }
})

test('the test of the plugin that an example shows how to write passes', () => {
  const { status, stdout } = spawnSync(process.execPath, ['--test', 'examples/write-a-plugin/plugins/readable.test.mjs'], { cwd: root, encoding: 'utf8' })
  assert.is(status, 0, stdout)
  assert.match(stdout, /^# pass 21$/m)
})

test.run()
