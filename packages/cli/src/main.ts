import { readFileSync } from 'node:fs'
import { Command } from 'commander'
import { StoreError } from '@hone/engine'
import { addArtifacts } from './commands/artifacts.js'
import { addCache } from './commands/cache.js'
import { addCatalogue } from './commands/catalogue.js'
import { addHistory } from './commands/history.js'
import { addInspect } from './commands/inspect.js'
import { addModel } from './commands/model.js'
import { addDoctor } from './commands/doctor.js'
import { addRun } from './commands/run.js'
import { makeShell } from './shell.js'

const manifest = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as { version: string }
const shell = makeShell(process.argv.slice(2))
const program = new Command('hone')
  .description('Fine-tunes language models from a YAML file: only the stages run whose inputs, parameters or code changed.')
  .version(manifest.version)
  .showSuggestionAfterError()
  .addHelpText('after', '\nExample:\n  hone run pipelines/quickstart.yaml')
for (const add of [addRun, addInspect, addHistory, addArtifacts, addCatalogue, addCache, addModel, addDoctor]) add(program, shell)

function settle(command: Command): void {
  command.exitOverride()
  if (command.commands.length === 0 && command !== program) command.option('--json', 'one JSON object (`run`: an event a line)')
  for (const child of command.commands) settle(child)
}
settle(program)

try {
  await program.parseAsync()
} catch (error) {
  if (error instanceof StoreError) {
    process.stderr.write(`error: ${error.message}${error.hint ? `\n  hint: ${error.hint}` : ''}\n`)
    process.exitCode = 2
  } else if (error instanceof Error && 'exitCode' in error && 'code' in error) process.exitCode = error.exitCode === 0 ? 0 : 2
  else {
    process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\nThis is a defect of hone itself, not of your pipeline.\n`)
    process.exitCode = 70
  }
}
