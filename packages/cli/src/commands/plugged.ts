import { existsSync } from 'node:fs'
import { join, relative } from 'node:path'
import { Option, type Command } from 'commander'
import { commandProblems, defaultOf, findProjectRoot, openProject, placeInPlugin, type CommandDefinition, type JsonSchema, type LoadedPlugin } from 'hone-engine'
import { interrupts } from '../interrupts.js'
import { builtIn, collect, type Shell } from '../shell.js'

/** What a command's `fail` throws. */
class CommandFailure extends Error {
  readonly hint: string | undefined
  constructor(message: string, hint: string | undefined) {
    super(message)
    this.hint = hint
  }
}

/** Adds the commands of the plugins that hone.yaml names; false, and said why, where one of them cannot be loaded. */
export async function addPlugged(program: Command, shell: Shell): Promise<boolean> {
  const projectRoot = findProjectRoot(join(process.cwd(), 'hone.yaml'))
  if (!existsSync(join(projectRoot, 'hone.yaml'))) return true
  // So that what a command throws is told at its source.
  process.setSourceMapsEnabled(true)
  const registry = await openProject(projectRoot, builtIn(), shell.isOwnCommand)
  if (!registry.ok) {
    shell.diagnostics(registry.diagnostics)
    shell.exit(2)
    return false
  }
  for (const plugin of registry.value.plugins) for (const command of plugin.definition.commands ?? []) addOne(program, shell, command, plugin, projectRoot)
  return true
}

function addOne(program: Command, shell: Shell, command: CommandDefinition, plugin: LoadedPlugin, projectRoot: string): void {
  const options = Object.entries((command.params.schema['properties'] ?? {}) as Record<string, JsonSchema>).map(([name, schema]) => ({ name, option: optionOf(name, schema) }))
  const added = program.command(command.name).description(`${command.summary} (${plugin.name})`)
  if (command.arguments) added.arguments(command.arguments)
  for (const { option } of options) added.addOption(option)
  if (command.example) added.addHelpText('after', `\nExample:\n  ${command.example}`)
  added.action(async () => {
    const given = added.opts<Record<string, string>>()
    const params: Record<string, string> = {}
    for (const { name, option } of options) {
      const value = given[option.attributeName()]
      if (value !== undefined) params[name] = value
    }
    const wrong = commandProblems(command, params)
    if (wrong.length > 0) return shell.refuse(wrong.join('\nerror: '))
    const { cancel, stop } = interrupts(message => shell.stderr.write(`${message}\n`))
    try {
      const run = defaultOf(await command.run())
      if (typeof run !== 'function') return shell.refuse(`the module of ${command.name} has no function as its default export\n  hint: It comes from the plugin ${plugin.name}.`)
      const answer: unknown = await run({
        params,
        args: added.args,
        projectRoot,
        signal: cancel,
        log: message => void shell.stderr.write(`${message}\n`),
        fail: (message, hint) => {
          throw new CommandFailure(message, hint)
        },
      })
      if (answer !== undefined) shell.answer(answer, () => (typeof answer === 'string' ? answer : JSON.stringify(answer, null, 2)))
    } catch (error) {
      if (error instanceof CommandFailure) shell.refuse(`${error.message}${error.hint ? `\n  hint: ${error.hint}` : ''}`)
      else shell.refuse(`${command.name}${threw(error, plugin)}\n  hint: It comes from the plugin ${plugin.name}.`)
      shell.exit(cancel.aborted ? 130 : 1)
    } finally {
      stop()
    }
  })
}

/** What a command threw, at the place of its source; with the stack where that is in none of the plugin's files. */
function threw(error: unknown, plugin: LoadedPlugin): string {
  if (!(error instanceof Error)) return ` failed: it threw ${String(error)}`
  const place = placeInPlugin(error.stack, plugin)
  return place ? ` failed at ${relative(process.cwd(), place.file)}:${place.line}:${place.column}: ${error.name}: ${error.message}` : ` failed: ${error.stack ?? error.message}`
}

/** `max_words` is `--max-words <integer>`, a truth value a flag, and a list may be given more than once. */
function optionOf(name: string, schema: JsonSchema): Option {
  const flag = `--${name.replaceAll('_', '-')}`
  const text = [schema['description'], schema['default'] !== undefined && `(default: ${JSON.stringify(schema['default'])})`].filter(Boolean).join(' ')
  const { type } = schema
  if (type === 'boolean') return new Option(schema['default'] === true ? flag.replace('--', '--no-') : flag, text)
  const number = (value: string) => (value.trim() !== '' && Number.isFinite(Number(value)) ? Number(value) : value)
  const option = new Option(`${flag} <${Array.isArray(schema['enum']) ? schema['enum'].join('|') : typeof type === 'string' ? type : 'value'}>`, text)
  if (type === 'array') return option.argParser(collect)
  return type === 'integer' || type === 'number' ? option.argParser(number) : option
}
