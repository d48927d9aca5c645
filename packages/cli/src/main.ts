import { readFileSync } from 'node:fs'
import { Command } from 'commander'
import { StoreError } from 'hone-engine'
import { helpOnOneScreen } from './help.js'
import { refusedByDisk } from './refused-by-disk.js'
import { makeShell, type Shell } from './shell.js'

const manifest = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as { version: string }
/** Further from what is meant than commander looks. */
const withMeant = (text: string) => text.replace(/(unknown option '--params-?file\b.*')$/m, '$1\n(Did you mean --params?)')
const shell = makeShell(process.argv.slice(2), name => commands.has(name))
const program = new Command('hone')
  .description('Fine-tunes language models from a YAML file: only what changed runs again.')
  .version(manifest.version)
  .showSuggestionAfterError()
  .configureHelp(helpOnOneScreen)
  .configureOutput({ outputError: (text, write) => (shell.json ? shell.refuse(withMeant(text).trimEnd().replace(/^error: /, '')) : write(withMeant(text))) })
  .addHelpText('after', '\nExample:  hone run pipelines/quickstart.yaml\nhone COMMAND --help tells more of one; hone --version is the version.')

type Add = (program: Command, shell: Shell) => void
const run = async (): Promise<Add> => (await import('./commands/run.js')).addRun
const inspect = async (): Promise<Add> => (await import('./commands/inspect.js')).addInspect
const runs = async (): Promise<Add> => (await import('./commands/runs.js')).addRuns
const show = async (): Promise<Add> => (await import('./commands/show.js')).addShow
const compare = async (): Promise<Add> => (await import('./commands/compare.js')).addCompare
const artifacts = async (): Promise<Add> => (await import('./commands/artifacts.js')).addArtifacts
const catalogue = async (): Promise<Add> => (await import('./commands/catalogue.js')).addCatalogue
const cache = async (): Promise<Add> => (await import('./commands/cache.js')).addCache
const model = async (): Promise<Add> => (await import('./commands/model.js')).addModel
const update = async (): Promise<Add> => (await import('./commands/update.js')).addUpdate
const init = async (): Promise<Add> => (await import('./commands/init.js')).addInit
const fresh = async (): Promise<Add> => (await import('./commands/new.js')).addNew
const completion = async (): Promise<Add> => (await import('./commands/completion.js')).addCompletion
const doctor = async (): Promise<Add> => (await import('./commands/doctor.js')).addDoctor

/** Who adds which command, in the order of the help. Only what is asked for is loaded; anything else, as `--help` or a slip, needs them all. */
const commands: ReadonlyMap<string, () => Promise<Add>> = new Map([
  ['run', run],
  ...['plan', 'why', 'validate', 'graph'].map(name => [name, inspect] as const),
  ['runs', runs],
  ['show', show],
  ['compare', compare],
  ['artifacts', artifacts],
  ...['stages', 'schema'].map(name => [name, catalogue] as const),
  ['cache', cache],
  ...['generate', 'chat'].map(name => [name, model] as const),
  ['update', update],
  ['init', init],
  ['new', fresh],
  ['doctor', doctor],
  ...['completion', 'complete'].map(name => [name, completion] as const),
])
const first = process.argv[2] ?? ''
const asked = commands.get(first)

function settle(command: Command): void {
  command.exitOverride()
  if (command.commands.length === 0 && command !== program) command.option('--json', 'one JSON object (`run`: an event a line)')
  for (const child of command.commands) settle(child)
}

// Whoever read the output has gone, as in `hone runs | head`, or the disk of a log is full: a run stops as after Ctrl-C, anything else just ends.
let isRead = true
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', ({ code }: NodeJS.ErrnoException) => {
    // The terminal was closed: that comes as a signal too, or is meant to end nothing.
    if (code === 'EIO') return
    if (isRead && !process.emit('SIGTERM')) process.exit(code === 'EPIPE' ? 0 : 1)
    isRead = false
  })
}

async function main(): Promise<void> {
  // What is to be completed, after `complete --`, may be any of them.
  const typed = first === 'complete' ? (process.argv[4] ?? '') : first
  for (const add of asked && typed === first ? [asked] : new Set(commands.values())) (await add())(program, shell)
  // What is none of these may be a command of the project's plugins.
  const isPlugged = !commands.has(typed) && !['-V', '--version'].includes(first) && (await (await import('./commands/plugged.js')).addPlugged(program, shell))
  settle(program)

  // With `--help` a command that there is not is a slip all the same.
  const isSlip = first !== '' && !first.startsWith('-') && first !== 'help' && !program.commands.some(command => command.name() === first)
  // A stage stands after `--force=` alone: what follows a bare `--force` is a file or a stage to select.
  const argv = process.argv.filter(arg => !isSlip || (arg !== '--help' && arg !== '-h')).map(arg => (arg === '--force' ? '--force=' : arg))

  try {
    if (asked || isPlugged || first.startsWith('-')) await program.parseAsync(argv)
  } catch (error) {
    if (error instanceof StoreError) shell.refuse(`${error.message}${error.hint ? `\n  hint: ${error.hint}` : ''}`)
    else if (error instanceof Error && 'exitCode' in error && 'code' in error) process.exitCode = error.exitCode === 0 ? 0 : 2
    else if (refusedByDisk(error) !== undefined) shell.refuse(`${refusedByDisk(error)}`)
    else {
      process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\nThis is a defect of hone itself, not of your pipeline.\n`)
      process.exitCode = 70
    }
  }
}

void main()
