import type { Argument, Command, Option } from 'commander'
import { graphFormats } from 'hone-engine'

/** A word that may stand here. One that ends with `=` is gone on with. */
export interface Candidate {
  readonly value: string
  readonly description: string
}

/** What may stand where the cursor is: words, or a path, which the shell knows best. */
export interface Completion {
  readonly candidates: readonly Candidate[]
  readonly isPath: boolean
}

/** What only a look at the project tells, by the name that an argument or an option's value has in the help. */
export interface Sources {
  /** The stages of a pipeline file. */
  stages(file: string): readonly Candidate[]
  /** Its parameters, as `--set` takes them. */
  params(file: string): readonly Candidate[]
  /** The kinds of stages there are. */
  stageTypes(): readonly Candidate[]
  /** The runs of the project. */
  runs(): readonly Candidate[]
}

const isSubcommand = (command: Command) => command.commands.length > 0
const path: Completion = { candidates: [], isPath: true }
const words = (candidates: readonly Candidate[]): Completion => ({ candidates, isPath: false })

/** Completes the last of the words that follow the program's name, from the commands as they are declared. */
export function complete(program: Command, line: readonly string[], sources: Sources): Completion {
  const current = line.at(-1) ?? ''
  let command = program
  const given: string[] = []
  let open: Option | undefined
  let onlyArguments = false
  for (const word of line.slice(0, -1)) {
    if (open) open = undefined
    else if (word === '--') onlyArguments = true
    else if (!onlyArguments && word.startsWith('-')) {
      const option = optionNamed(command, word)
      if (option?.required && !word.includes('=')) open = option
    } else if (isSubcommand(command)) {
      const next = command.commands.find(c => c.name() === word || c.aliases().includes(word))
      if (!next) return words([])
      command = next
    } else given.push(word)
  }
  const value = (name: string) => valuesOf(name, command, given, sources)
  if (open) return open.argChoices ? words(open.argChoices.map(choice => ({ value: choice, description: '' }))) : value(valueName(open))
  if (!onlyArguments && current.startsWith('-')) {
    const [name, rest] = current.split('=', 2) as [string, string | undefined]
    const option = rest === undefined ? undefined : optionNamed(command, name)
    if (option) return words(value(valueName(option)).candidates.map(c => ({ ...c, value: `${name}=${c.value}` })))
    return words(optionsOf(command))
  }
  if (isSubcommand(command)) return words(command.createHelp().visibleCommands(command).map(c => ({ value: c.name(), description: c.summary() || c.description() })))
  const argument: Argument | undefined = command.registeredArguments[given.length] ?? command.registeredArguments.findLast(a => a.variadic)
  if (!argument) return words([])
  return argument.argChoices ? words(argument.argChoices.map(choice => ({ value: choice, description: '' }))) : value(argument.name())
}

const optionNamed = (command: Command, word: string) => {
  const name = word.split('=', 1)[0]
  return command.options.find(o => o.long === name || o.short === name)
}

/** `stage` of `--only <stage>` and of `--force [=stage]`. */
const valueName = (option: Option): string => /[<[]=?([^>\].]+)/.exec(option.flags)?.[1] ?? ''

function optionsOf(command: Command): readonly Candidate[] {
  return command.createHelp().visibleOptions(command).flatMap(option => {
    const description = option.description
    if (!option.long) return []
    return option.optional ? [{ value: option.long, description }, { value: `${option.long}=`, description }] : [{ value: option.long, description }]
  })
}

function valuesOf(name: string, command: Command, given: readonly string[], sources: Sources): Completion {
  const file = given[0]
  switch (name) {
    case 'stage':
    case 'stages':
      if (command.name() === 'stages') return words(sources.stageTypes())
      if (command.name() === 'show') return words([])
      return words(file === undefined ? [] : sources.stages(file))
    case 'name=value':
      return words(file === undefined ? [] : sources.params(file))
    case 'run':
    case 'before':
    case 'after':
      return words(sources.runs())
    case 'format':
      return words(graphFormats.map(value => ({ value, description: '' })))
    case 'shell':
      return words(['bash', 'zsh', 'fish'].map(value => ({ value, description: '' })))
    case 'name':
    case 'id':
    case 'status':
    case 'when':
    case 'n':
    case 't':
    case 'text':
    case 'reference':
      return words([])
    default:
      return path
  }
}
