import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Project } from '../../../../tests/rig.js'

const test = suite('help')
const project = Project.make()

const screen = async (...command: string[]) => {
  const { code, stdout, stderr } = await project.start([...command, '--help'], { env: { COLUMNS: '80' } }).ended
  assert.equal([code, stderr], [0, ''], command.join(' '))
  const lines = stdout.trimEnd().split('\n')
  const name = ['hone', ...command].join(' ')
  assert.ok(lines.length <= 24, `${name} --help has ${lines.length} lines`)
  for (const line of lines) assert.ok(line.length <= 80, `${name} --help: ${line}`)
  assert.match(stdout, new RegExp(`\\nExamples?:\\s+(source <\\()?hone ${command[0] ?? ''}`), name)
  return stdout
}

/** The commands that a help lists: a line begins with two spaces, a name, arguments, and after a gap what it does. */
const listed = (text: string) => [...text.matchAll(/^ {2}([a-z]+)(?: (?:<\S+>|\[\S+\]))* {2,}\S/gm)].map(m => m[1]!).filter(name => name !== 'help')

test('the help of the program and of each command fits on a screen of 80 by 24, with an example', async () => {
  const commands = listed(await screen())
  assert.ok(commands.length >= 17, `${commands.length} commands`)
  for (const command of commands) {
    const text = await screen(command)
    const below = /^Commands:$/m.test(text) ? listed(text.slice(text.indexOf('Commands:'))) : []
    if (command === 'cache') assert.ok(below.length >= 5, 'cache has commands of its own')
    for (const name of below) await screen(command, name)
  }
})

test('a mistyped command or flag is told what was meant, and nothing is done', async () => {
  for (const [args, said] of [
    [['rnu', 'p.yaml'], "error: unknown command 'rnu'\n(Did you mean run?)\n"],
    [['rnu', '--help'], "error: unknown command 'rnu'\n(Did you mean run?)\n"],
    [['cache', 'vrify'], "error: unknown command 'vrify'\n(Did you mean verify?)\n"],
    [['run', 'p.yaml', '--forse'], "error: unknown option '--forse'\n(Did you mean --force?)\n"],
    [['plan', 'p.yaml', '--jsn'], "error: unknown option '--jsn'\n(Did you mean --json?)\n"],
    [['--verison'], "error: unknown option '--verison'\n(Did you mean --version?)\n"],
  ] as const) {
    const { code, stdout, stderr } = await project.hone(...args)
    assert.equal([code, stdout, stderr], [2, '', said], args.join(' '))
  }
})

test('under --json a slip is an object on stdout like every other answer', async () => {
  for (const [args, error] of [
    [['plan', '--json'], "missing required argument 'file'"],
    [['run', 'p.yaml', '--forse', '--json'], "unknown option '--forse'\n(Did you mean --force?)"],
    [['rnu', '--json'], "unknown command 'rnu'\n(Did you mean run?)"],
  ] as const) {
    const { code, stdout, stderr } = await project.hone(...args)
    assert.equal([code, JSON.parse(stdout), stderr], [2, { error }, ''], args.join(' '))
  }
})

test.run()
