import { spawnSync } from 'node:child_process'
import { chmodSync, writeFileSync } from 'node:fs'
import { delimiter } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Project, program } from '../../../../tests/rig.js'

const test = suite('completion')
const shell = "uses: command/shell, with: { command: 'true', outputs: { to: rows } }"
const project = Project.make({
  'p.yaml': `params: { rank: 8, rows: 480 }\nstages:\n  tokens: { ${shell} }\n  tuned: { ${shell} }\n  tuned_answers: { ${shell}, mistake: 1 }\n`,
  'other.txt': '',
  'bin/hone': `#!/bin/sh\nexec ${[process.execPath, ...program].map(word => `'${word}'`).join(' ')} "$@"\n`,
})
chmodSync(project.path('bin/hone'), 0o755)
const env = { ...process.env, PATH: `${project.path('bin')}${delimiter}${process.env.PATH}`, HONE_HOME: '', HOME: project.root, XDG_CONFIG_HOME: project.root, TERM: 'dumb' }

/** What may stand for the last word, without the descriptions. */
const candidates = async (...words: string[]) => {
  const { code, stdout, stderr } = await project.hone('complete', '--', ...words)
  assert.equal([code, stderr], [0, ''])
  return stdout.split('\n').filter(line => line !== '').map(line => line.split('\t')[0])
}
const absent = (name: string) => spawnSync(name, ['--version']).error !== undefined

test('commands, their flags and choices come from what is declared', async () => {
  const first = await candidates('')
  for (const name of ['run', 'plan', 'cache', 'completion']) assert.ok(first.includes(name), name)
  assert.not.ok(first.includes('complete'), 'what the scripts ask is hidden')
  assert.equal(await candidates('cache', ''), ['ls', 'verify', 'gc', 'pin', 'adopt', 'help'])
  const flags = await candidates('run', 'p.yaml', '-')
  for (const flag of ['--set', '--force', '--force=', '--json', '--help']) assert.ok(flags.includes(flag), flag)
  assert.equal(await candidates('graph', 'p.yaml', '--format', ''), ['text', 'mermaid', 'dot', 'json'])
  assert.equal(await candidates('completion', ''), ['bash', 'zsh', 'fish'])
  assert.ok((await candidates('stages', 'tune/')).includes('tune/lora'))
})

test('stages and parameters come from the pipeline file, mistakes and all, and paths from the shell', async () => {
  const stages = ['tokens', 'tuned', 'tuned_answers']
  assert.equal(await candidates('run', ''), [':path'])
  assert.equal(await candidates('run', 'p.yaml', ''), stages)
  assert.equal(await candidates('run', 'p.yaml', 'tokens', ''), stages)
  assert.equal(await candidates('run', '--set', 'rank=3', 'p.yaml', '--only', ''), stages)
  assert.equal(await candidates('run', 'p.yaml', '--force=tu'), stages.map(id => `--force=${id}`))
  assert.equal(await candidates('run', 'p.yaml', '--set', ''), ['rank=', 'rows='])
  assert.equal(await candidates('run', 'p.yaml', '--params', ''), [':path'])
  assert.equal(await candidates('run', 'absent.yaml', ''), [])
  assert.equal(await candidates('nothing', ''), [])
  assert.equal(await candidates('show', ''), ['last'])
})

/** A line up to the cursor, and what is there after a tab. */
const lines: readonly (readonly [line: string, completed: readonly string[]])[] = [
  ['hone val', ['validate']],
  ['hone run p.yaml --onl', ['--only']],
  ['hone run p.yaml tuned_', ['tuned_answers']],
  ['hone run p.yaml tu', ['tuned', 'tuned_answers']],
  ['bin/hone run p.yaml --set ra', ['rank=']],
  ['hone run p.yaml --force=to', ['--force=tokens']],
  ['hone cache v', ['verify']],
]

test('bash completes by its script', () => {
  // What bash sets before it calls a function of completion; it parts words at = and :.
  const script = `source <(hone completion bash)
complete -p hone
try() { local IFS=$' \\t\\n'; COMP_LINE=$1 COMP_POINT=\${#1}; COMP_WORDS=($(sed 's/[=:]/ & /g' <<< "$1")); COMP_CWORD=$((\${#COMP_WORDS[@]} - 1)); _hone; echo "\${COMPREPLY[*]}"; }
${lines.map(([line]) => `try '${line}'`).join('\n')}`
  const { stdout, stderr } = spawnSync('bash', ['--norc', '-c', script], { cwd: project.root, env, encoding: 'utf8' })
  const [registered, ...completed] = stdout.trimEnd().split('\n')
  assert.is(registered, 'complete -F _hone hone', stderr)
  assert.equal(completed, lines.map(([, words]) => words.map(word => word.replace('--force=', '')).join(' ')))
})

test('fish completes by its script', () => {
  if (absent('fish')) return console.log('SKIP fish completes by its script: fish is not installed')
  const script = `hone completion fish | source\n${lines.map(([line]) => `echo "== "(complete -C '${line}' | string split -f 1 \\t | string join ' ')`).join('\n')}\necho "== "(complete -C 'hone run p.ya' | string join ' ')`
  const { stdout, stderr } = spawnSync('fish', ['--no-config', '-c', script], { cwd: project.root, env, encoding: 'utf8' })
  assert.equal(stdout.trimEnd().split('\n').map(line => line.slice(3)), [...lines.map(([, words]) => words.join(' ')), 'p.yaml'], stderr)
})

test('zsh completes by its script', () => {
  if (absent('zsh')) return console.log('SKIP zsh completes by its script: zsh is not installed')
  // An interactive zsh on a pseudo-terminal, where keys are typed; `hone` says what it was called with.
  writeFileSync(project.path('typed.zsh'), `zmodload zsh/zpty
zpty -b shell zsh -f -i
until-said() { local part got= n=0; while (( n++ < 600 )); do if zpty -r -t shell part; then got+=$part; [[ $got == *"$1"* ]] && { [[ $1 == GOT* && $got =~ 'GOT<[^>]*>' ]] && print -r -- $MATCH; return 0 }; else sleep 0.05; fi; done; print -r -- "never said $1: $got"; exit 1 }
zpty -w shell 'PROMPT= RPS1=; stty -echo; setopt no_beep; autoload -Uz compinit; compinit -u -D; source <(hone completion zsh); hone() { if [[ $1 == complete ]]; then command hone "$@"; else print -r -- "GOT<\${(j:|:)@}>"; fi }; print RE""ADY'
until-said READY
for line in "$@"; do
  zpty -w -n shell "$line"$'\\t\\r'
  until-said 'GOT<'
done
zpty -d shell
`)
  const typed = [...lines.filter(([line, words]) => words.length === 1 && line.startsWith('hone')).map(([line, words]) => [line, words[0]!] as const), ['hone run p.ya', 'p.yaml'] as const]
  const { stdout, stderr } = spawnSync('zsh', ['-f', 'typed.zsh', ...typed.map(([line]) => line)], { cwd: project.root, env: { ...env, TERM: 'xterm' }, encoding: 'utf8', timeout: 120_000 })
  assert.equal(stdout.trimEnd().split('\n'), typed.map(([line, word]) => `GOT<${[...line.split(' ').slice(1, -1), word].join('|')}>`), stderr)
})

test('an unknown shell is told which there are', async () => {
  const wrong = await project.hone('completion', 'bsh')
  assert.equal([wrong.code, wrong.stdout, wrong.stderr], [2, '', 'error: There are no completions for "bsh". Did you mean "bash"?\n'])
  assert.match((await project.hone('completion', 'zsh', '--json')).json.script, /^#compdef hone\n/)
})

test.run()
