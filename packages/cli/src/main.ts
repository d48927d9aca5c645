import { readFileSync } from 'node:fs'
import { Command } from 'commander'
import { addRun } from './commands/run.js'
import { makeShell } from './shell.js'

const manifest = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as { version: string }
const shell = makeShell(process.argv.slice(2))
const program = new Command('hone')
  .description('Fine-tunes language models from a YAML file: stages run when what they depend on changed.')
  .version(manifest.version)
  .showSuggestionAfterError()
  .exitOverride()
addRun(program, shell)
for (const command of program.commands) command.option('--json', 'machine-readable').exitOverride()

try {
  await program.parseAsync()
} catch (error) {
  if (error instanceof Error && 'exitCode' in error && 'code' in error) process.exitCode = error.exitCode === 0 ? 0 : 2
  else {
    process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\nThis is a defect of hone itself, not of your pipeline.\n`)
    process.exitCode = 70
  }
}
