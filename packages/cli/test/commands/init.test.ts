import { chmodSync, existsSync, mkdirSync, readdirSync, realpathSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { shellWord } from 'hone-engine'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { nobodyHere, Project } from '../../../../tests/rig.js'

const test = suite('init')

test('an empty folder becomes a project without a mistake, and what it prints is what must be typed', async () => {
  const project = Project.make()
  const made = await project.hone('init', 'new one/with ü')
  assert.is(made.code, 0, made.stderr)
  assert.match(made.stdout, /^next: .*hone.* run 'new one\/with ü\/pipeline\.yaml'$/m)
  assert.equal(readdirSync(project.path('new one/with ü')).sort(), ['.gitignore', 'data', 'hone.yaml', 'models', 'pipeline.yaml', 'plugins'])
  const plan = await project.hone('plan', 'new one/with ü/pipeline.yaml', '--json')
  assert.is(plan.code, 0, plan.stdout)
  assert.equal(Object.values(plan.json.stages).map((s: any) => s.action), Array.from({ length: 8 }, () => 'run'))
  assert.not.ok(project.has('.hone'), 'the new folder is a project of its own')
})

test('what an install and git leave in a folder stays as it is', async () => {
  const left = { 'package.json': '{"name":"mine"}\n', 'package-lock.json': '{}\n', '.gitignore': 'secret\n', '.npmrc': 'fund=false\n', 'README.md': '# mine\n' }
  const project = Project.make(left)
  const made = await project.hone('init', '--json')
  assert.is(made.code, 0, made.stdout)
  assert.is(made.json.folder, project.root)
  for (const [name, text] of Object.entries(left)) assert.is(project.read(name), text)
  assert.not.ok(project.has('hone.yaml'), 'package.json marks the project already')
  assert.is((await project.hone('validate', 'pipeline.yaml')).code, 0)
})

test('a folder that is not empty is refused and left alone', async () => {
  const project = Project.make({ 'src/a.js': 'a', 'data/messages.csv': 'mine', 'b.txt': 'b' })
  const refused = await project.hone('init')
  assert.equal([refused.code, refused.stdout], [2, ''])
  assert.is(refused.stderr, 'error: this folder is not empty: it holds b.txt, data, src; nothing was written (not-empty)\n  hint: Name a folder that is empty or not there yet: hone init NAME\n\n1 error\n')
  assert.equal(readdirSync(project.root).sort(), ['b.txt', 'data', 'package.json', 'src'])
  assert.is(project.read('data/messages.csv'), 'mine')
  const twice = [await project.hone('init', 'new'), await project.hone('init', 'new', '--json')]
  assert.equal(twice.map(t => t.code), [0, 2])
  assert.is(twice[1]!.json.diagnostics[0].code, 'not-empty')
  assert.is((await project.hone('init', 'b.txt')).code, 2)
  assert.is(project.read('b.txt'), 'b')
})

test('a file in the way of the folder is told and left alone', async () => {
  const project = Project.make({ taken: '' })
  const inFile = await project.hone('init', 'taken/new')
  assert.is(inFile.code, 2)
  assert.match(inFile.stderr, /^error: the project cannot be made, a file is in the way where a folder should be \(.*\); nothing was left behind \(not-writable\)\n/)
})

const unwritable = 'a folder in which nobody may write is told, and nothing is left behind'
test(unwritable, async () => {
  const nobody = nobodyHere()
  if (nobody === undefined) return console.log(`SKIP ${unwritable}: nobody here is refused anything`)
  const project = Project.make()
  chmodSync(project.root, 0o555)
  try {
    const denied = await project.start(['init', 'new'], nobody).ended
    assert.is(denied.code, 2, denied.stdout)
    assert.match(denied.stderr, /^error: the project cannot be made, permission denied \(.*\/new\); nothing was left behind \(not-writable\)\n {2}hint: /)
    assert.not.ok(existsSync(join(project.root, 'new')))
  } finally {
    chmodSync(project.root, 0o755)
  }
})

const clone = fileURLToPath(new URL('../../../../', import.meta.url))

test('what is printed to be typed names the program as it is found there: on the path, in node_modules, or by its place', async () => {
  const project = Project.make({ 'pipeline.yaml': 'stages: { bad: { uses: command/shell, with: { command: "echo no; exit 3", outputs: { to: rows } } } }\n', 'below/a.txt': '' })
  const told = async (cwd = '.', env = {}) => {
    const file = cwd === '.' ? 'pipeline.yaml' : '../pipeline.yaml'
    const [run, show, none, empty] = [await project.start(['run', file], { cwd, env }).ended, await project.start(['show', 'last', 'bad'], { cwd, env }).ended, await project.start(['show', 'nothing'], { cwd, env }).ended, await project.start(['init', '..', '--json'], { cwd: 'below', env }).ended]
    return [/^next: (.*) show \S+ bad --log$/m.exec(run.stdout)?.[1], / log: (.*) show \S+ bad --log$/m.exec(show.stdout)?.[1], /`(.*) runs` lists them/.exec(none.stderr)?.[1], /: (.*) init NAME$/.exec(empty.json.diagnostics[0].hint)?.[1]]
  }
  assert.equal(await told(), ['hone', 'hone', 'hone', 'hone'])
  const place = realpathSync(join(clone, 'packages/cli/bin/hone.js'))
  const byPlace = `node ${shellWord(place)}`
  assert.equal(await told('.', { PATH: '/usr/bin:/bin' }), [byPlace, byPlace, byPlace, byPlace])
  mkdirSync(project.path('node_modules/.bin'), { recursive: true })
  symlinkSync(place, project.path('node_modules/.bin/hone'))
  assert.equal(await told(), ['./node_modules/.bin/hone', './node_modules/.bin/hone', './node_modules/.bin/hone', '../node_modules/.bin/hone'])
  assert.equal(await told('below'), ['../node_modules/.bin/hone', '../node_modules/.bin/hone', '../node_modules/.bin/hone', '../node_modules/.bin/hone'])
})

test.run()
