// Each folder of examples/ in a project of its own: runs as its expected.json says, and the same again finds everything.
import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Project } from './rig.js'
import { root } from './sources.js'

const test = suite('examples')

interface Expected {
  /** One after the other in one project. */
  readonly runs: readonly { readonly args: readonly string[]; readonly exit: number; readonly stages: Readonly<Record<string, string>> }[]
  /** What stages left after all of it, with the parameters of the last run. */
  readonly outputs: Readonly<Record<string, string>>
}

const names = readdirSync(join(root, 'examples'), { withFileTypes: true }).filter(e => e.isDirectory()).map(e => e.name)
// Some need what has to be fetched first; their folder says so by leaving expected.json out.
const runnable = names.filter(name => existsSync(join(root, 'examples', name, 'expected.json')))

test('every example says what it is', () => {
  assert.ok(runnable.includes('engine-tour'))
  for (const name of names) for (const file of ['pipeline.yaml', 'README.md']) assert.ok(existsSync(join(root, 'examples', name, file)), `${name}/${file}`)
})

for (const name of runnable) test(`${name} does what it says, and again it is all hits`, async () => {
  const expected = JSON.parse(readFileSync(join(root, 'examples', name, 'expected.json'), 'utf8')) as Expected
  const project = Project.make()
  project.copyIn(join(root, 'examples', name), '.')
  for (const { args, exit, stages } of expected.runs) {
    const ran = await project.run(...args)
    assert.equal(ran.statuses, stages, ran.stderr)
    assert.is(ran.code, exit)
    if (exit !== 0) continue
    const again = await project.run(...args)
    assert.equal(again.statuses, Object.fromEntries(Object.entries(stages).map(([stage, status]) => [stage, status === 'ran' ? 'hit' : status])))
    assert.equal(again.of('stage-started'), [])
  }
  const { args } = expected.runs.at(-1)!
  const params = args.flatMap((arg, i) => (arg === '--set' ? [arg, args[i + 1]!] : []))
  for (const [output, text] of Object.entries(expected.outputs)) {
    const found = await project.hone('artifacts', 'pipeline.yaml', output, ...params, '--json')
    assert.is(found.code, 0, found.stderr)
    assert.is(readFileSync(found.json.artifacts[0].path as string, 'utf8'), text, output)
  }
})

test.run()
