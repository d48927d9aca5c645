import { cpSync, existsSync, mkdirSync, readdirSync, rmSync, statSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join, relative, resolve } from 'node:path'
import type { Command } from 'commander'
import { shellWord } from 'hone-engine'
import type { Diagnostic } from 'hone-engine'
import { packageFolder } from '../package-folder.js'
import { programAsTyped } from '../program-as-typed.js'
import { refusedByDisk } from '../refused-by-disk.js'
import type { Shell } from '../shell.js'

/** What an install and a version control leave in a folder that is empty otherwise. */
const isOfTools = (name: string) => name.startsWith('.') && name !== '.hone' || /^(package\.json|package-lock\.json|npm-shrinkwrap\.json|pnpm-(lock|workspace)\.yaml|yarn\.lock|node_modules|(README|LICEN[CS]E)(\.\w+)?)$/i.test(name)

/** Each file or folder of the new project, with what it is a copy of. */
function parts(folder: string): readonly { name: string; from: string }[] {
  const template = join(packageFolder, 'template')
  const model = dirname(createRequire(import.meta.url).resolve('hone-tiny/package.json'))
  return [
    { name: 'pipeline.yaml', from: join(template, 'pipeline.yaml') },
    { name: 'data', from: join(template, 'data') },
    { name: 'plugins', from: join(template, 'plugins') },
    { name: 'models/hone-tiny', from: model },
    // Packages never carry a .gitignore.
    ...(existsSync(join(folder, '.gitignore')) ? [] : [{ name: '.gitignore', from: join(template, 'gitignore') }]),
    // Paths of the pipeline begin at the nearest package.json or hone.yaml, which else could be one far above.
    ...(existsSync(join(folder, 'package.json')) ? [] : [{ name: 'hone.yaml', from: join(template, 'hone.yaml') }]),
  ]
}

const error = (code: Diagnostic['code'], message: string, hint: string): Diagnostic => ({ code, severity: 'error', message, hint })

/** Makes the project, all of it or nothing. Answers what kept it from that. */
function makeProject(folder: string, shown: string): Diagnostic | undefined {
  const isThere = existsSync(folder)
  if (isThere && !statSync(folder).isDirectory()) return error('not-empty', `${shown} is a file`, 'Name a folder that is empty or not there yet.')
  const taken = isThere ? readdirSync(folder).filter(name => !isOfTools(name)).sort() : []
  if (taken.length > 0) {
    const more = taken.length > 5 ? ` and ${taken.length - 5} more` : ''
    return error('not-empty', `${shown} is not empty: it holds ${taken.slice(0, 5).join(', ')}${more}; nothing was written`, 'Name a folder that is empty or not there yet: hone init NAME')
  }
  const made: string[] = []
  try {
    const first = mkdirSync(folder, { recursive: true })
    if (first !== undefined) made.push(first)
    for (const { name, from } of parts(folder)) {
      made.push(join(folder, name.split('/')[0]!))
      cpSync(from, join(folder, name), { recursive: true, errorOnExist: true, force: false, dereference: true, filter: path => !/[\\/]node_modules$|[\\/]hone-tiny[\\/]package\.json$/.test(path) })
    }
    return undefined
  } catch (e) {
    for (const path of made.reverse()) rmSync(path, { recursive: true, force: true })
    const why = refusedByDisk(e)
    if (why === undefined) throw e
    return error('not-writable', `the project cannot be made, ${why}; nothing was left behind`, 'Name a folder in which you may write: hone init NAME')
  }
}

export function addInit(program: Command, shell: Shell): void {
  program
    .command('init')
    .argument('[folder]', 'where; the current one unless told', '.')
    .description('A project to start from: a pipeline, its data and a tiny model.')
    .summary('A project to start from.')
    .addHelpText('after', '\nExample:\n  hone init my-project')
    .action((name: string) => {
      const cwd = process.cwd()
      const folder = resolve(name)
      const problem = makeProject(folder, name === '.' ? 'this folder' : name)
      if (problem) {
        shell.diagnostics([problem])
        return shell.exit(2)
      }
      const file = relative(cwd, join(folder, 'pipeline.yaml'))
      const answers = relative(cwd, join(folder, 'out/answers.md'))
      const program = programAsTyped(cwd, process.env.PATH)
      const next = `${program} run ${shellWord(file)}`
      shell.answer({ folder, next }, () =>
        [
          'Made a project that teaches a tiny model to sort messages:',
          '  pipeline.yaml            what is done, stage by stage',
          '  data/messages.csv        192 messages with the team that answers them; about a quarter are held out',
          '  models/hone-tiny/        the model, 3.4 million parameters',
          '  plugins/side-by-side.ts  a stage of this project',
          '',
          `${shell.out.dim('next:')} ${next}`,
          `      under a minute on 2 cores; then ${answers} shows the answers of base and tuned model to messages that neither has seen`,
        ].join('\n'),
      )
    })
}
