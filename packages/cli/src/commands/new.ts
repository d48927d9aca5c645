import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join, relative, resolve } from 'node:path'
import type { Command } from 'commander'
import { findProjectRoot, shellWord } from 'hone-engine'
import { packageFolder } from '../package-folder.js'
import type { Shell } from '../shell.js'

const template = join(packageFolder, 'template', 'new')
const { version } = JSON.parse(readFileSync(join(packageFolder, 'package.json'), 'utf8')) as { version: string }
const word = '[a-z][a-z0-9_-]*'

/** Path below the folder → the template that it is made of. */
type Parts = Readonly<Record<string, string>>

/** Writes the files, all of them or none; says what is there already and answers false. */
function write(shell: Shell, folder: string, parts: Parts, words: Readonly<Record<string, string>>): boolean {
  const taken = Object.keys(parts).filter(name => existsSync(join(folder, name)))
  if (taken.length > 0) {
    shell.refuse(`${taken.map(name => relative(process.cwd(), join(folder, name))).join(', ')} ${taken.length > 1 ? 'are' : 'is'} there already; nothing was written\n  hint: Choose another name.`)
    return false
  }
  for (const [name, from] of Object.entries(parts)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true })
    writeFileSync(join(folder, name), readFileSync(join(template, from), 'utf8').replace(/__([a-z]+)__/g, (whole, key: string) => words[key] ?? whole))
  }
  return true
}

const camel = (name: string) => name.replace(/[-_]+([a-z0-9])/g, (_, letter: string) => letter.toUpperCase())

function newStage(shell: Shell, given: string): void {
  const [, kind = 'rows', name] = new RegExp(`^(?:(${word})/)?(${word})$`).exec(given) ?? []
  if (name === undefined) return shell.refuse(`"${given}" cannot name a stage\n  hint: Write NAME or KIND/NAME in small letters: hone new stage qa-convert/count-words`)
  const root = findProjectRoot(join(process.cwd(), 'pipeline.yaml'))
  const test = relative(process.cwd(), join(root, `plugins/${name}.test.mjs`))
  const words = { id: `${kind}/${name}`, name, camel: camel(name), module: name, package: name, source: `./${name}.ts`, test: `plugins/${name}.test.mjs` }
  const parts = { [`plugins/${name}.ts`]: 'stage/definition.ts.txt', [`plugins/${name}.run.ts`]: 'stage/run.ts.txt', [`plugins/${name}.test.mjs`]: 'stage/checks.mjs.txt' }
  if (!write(shell, root, parts, words)) return
  const next = `${isInstalled(root) ? '' : `npm install --onnxruntime-node-install=skip --save-dev hone-engine@${version} hone-plugins@${version} && `}node --test ${shellWord(test)}`
  shell.answer({ folder: root, files: Object.keys(parts), next }, () =>
    [
      `Made the stage ${words.id}:`,
      `  plugins/${name}.ts        what planning reads: ports, parameters`,
      `  plugins/${name}.run.ts    what runs`,
      `  plugins/${name}.test.mjs  its test, with all that hone relies on`,
      '',
      `In a pipeline:`,
      `  plugins: [./plugins/${name}.ts]`,
      `  stages:`,
      `    ${name}: { uses: ${words.id}, inputs: { rows: STAGE }, with: { column: text } }`,
      '',
      `${shell.out.dim('next:')} ${next}`,
    ].join('\n'),
  )
}

/** Whether a test in the project finds the packages of hone. */
function isInstalled(root: string): boolean {
  try {
    const { resolve: find } = createRequire(join(root, 'plugins/x.js'))
    return ['hone-engine/package.json', 'hone-plugins/package.json'].every(name => find(name) !== '')
  } catch {
    return false
  }
}

function newPlugin(shell: Shell, given: string): void {
  const name = new RegExp(`^(?:@${word}/)?(${word})$`).exec(given)?.[1]
  if (name === undefined) return shell.refuse(`"${given}" cannot name a package\n  hint: Write it as npm takes it: hone new plugin @acme/hone-words`)
  const stage = name.replace(/^hone-(plugin-)?/, '') || name
  const folder = resolve(name)
  const words = { id: `rows/${stage}`, name: stage, camel: camel(stage), module: 'index', package: given, version, source: './src/index.ts', test: `${stage}.test.mjs` }
  const parts = {
    'package.json': 'plugin/package.json', 'tsconfig.json': 'plugin/tsconfig.json', 'README.md': 'plugin/README.md', '.gitignore': 'plugin/gitignore', '.npmrc': 'plugin/npmrc', '.github/workflows/ci.yml': 'plugin/ci.yml',
    'src/index.ts': 'stage/definition.ts.txt', [`src/${stage}.run.ts`]: 'stage/run.ts.txt', [`${stage}.test.mjs`]: 'stage/checks.mjs.txt', 'example.yaml': 'plugin/example.yaml', 'example.csv': 'plugin/example.csv',
  }
  if (!write(shell, folder, parts, words)) return
  const next = `cd ${shellWord(relative(process.cwd(), folder))} && npm install && npm test`
  shell.answer({ folder, files: Object.keys(parts), next }, () => `Made the package ${given} with the stage ${words.id}: its README.md says how to run and publish it.\n\n${shell.out.dim('next:')} ${next}`)
}

export function addNew(program: Command, shell: Shell): void {
  const group = program.command('new').description('A stage, or a package of a plugin, to start from: each works and has its test.').summary('A stage or a plugin to start from, with its test.').addHelpText('after', '\nExample:\n  hone new stage qa-convert/count-words')
  group
    .command('stage')
    .argument('<name>', 'NAME, or KIND/NAME')
    .description('A stage of this project, in its folder plugins/.')
    .addHelpText('after', '\nExample:\n  hone new stage qa-convert/count-words')
    .action((name: string) => newStage(shell, name))
  group
    .command('plugin')
    .argument('<name>', 'of the package: NAME or @SCOPE/NAME')
    .description('A package that is ready to publish, in a folder of its name.')
    .addHelpText('after', '\nExample:\n  hone new plugin @acme/hone-words')
    .action((name: string) => newPlugin(shell, name))
}
