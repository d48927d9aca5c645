import { readFileSync } from 'node:fs'
import { InvalidArgumentError, type Command } from 'commander'
import { builtInPlugin, renderDiagnostics, type Diagnostic, type OpenOptions } from 'hone-engine'
import { builtInPlugin as plugins } from 'hone-plugins'
import { programAsTyped } from './program-as-typed.js'
import { paletteFor, type Palette } from './terminal/palette.js'

export interface PipelineFlags {
  set?: string[]
  params?: string
  json?: boolean
}

/** What every command needs of the outside: streams, colours, `--json`, and the built-in plugins. */
export interface Shell {
  readonly stdout: NodeJS.WriteStream
  readonly stderr: NodeJS.WriteStream
  /** Colours for what goes to stdout. */
  readonly out: Palette
  /** Columns of the terminal that stdout is, Infinity where it is none. */
  readonly width: number
  readonly json: boolean
  readonly args: readonly string[]
  open(file: string, flags: PipelineFlags): OpenOptions
  /** The text with each `hone COMMAND` in it as it can be typed here. */
  asTyped(text: string): string
  /** The object under `--json`, else the text. */
  answer(object: unknown, text: () => string): void
  /** To stderr as people read them, or under `--json` to stdout as one object. */
  diagnostics(diagnostics: readonly Diagnostic[]): void
  /** Says why nothing was done, as an error, under `--json` to stdout as `{ error }`, and exits 2. */
  refuse(message: string): undefined
  positiveInteger(value: string): number
  /** Whether hone itself has a command of this name. */
  isOwnCommand(name: string): boolean
  exit(code: number): void
}

export const builtIn = () => [builtInPlugin(plugins, import.meta.resolve('hone-plugins'))]

/** For options that may be given more than once. */
export const collect = (value: string, all: string[] | undefined): string[] => [...(all ?? []), value]

/** The options of every command that reads a pipeline. */
export const pipelineOptions = (command: Command): Command =>
  command
    .option('-s, --set <name=value>', 'set a parameter', collect)
    .option('--params <file>', 'parameters from a YAML file')

const textOf = (file: string): string | undefined => {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return undefined
  }
}

export function makeShell(args: readonly string[], isOwnCommand: (name: string) => boolean): Shell {
  const { stdout, stderr } = process
  const json = args.includes('--json')
  const err = paletteFor(stderr, process.env)
  let typed: string | undefined
  const asTyped = (text: string) =>
    text.replace(/(?<![\w./\\-])hone (?=([a-z]+)\b)/g, (found, name: string) => (isOwnCommand(name) ? `${(typed ??= programAsTyped(process.cwd(), process.env.PATH))} ` : found))
  return {
    stdout,
    stderr,
    out: paletteFor(stdout, process.env),
    get width() {
      return stdout.isTTY ? stdout.columns : Infinity
    },
    json,
    args,
    open: (file, flags) => ({ file, builtIn: builtIn(), ...(flags.set && { set: flags.set }), ...(flags.params !== undefined && { paramsFile: flags.params }) }),
    asTyped,
    answer: (object, text) => {
      stdout.write(json ? `${JSON.stringify(object)}\n` : `${text().trimEnd()}\n`)
    },
    diagnostics: given => {
      if (given.length === 0) return
      const diagnostics = given.map(d => (d.hint === undefined ? d : { ...d, hint: asTyped(d.hint) }))
      if (json) {
        stdout.write(`${JSON.stringify({ diagnostics })}\n`)
        return
      }
      const palette = { error: err.red, warning: err.yellow, hint: err.cyan, strong: err.bold, faint: err.dim }
      stderr.write(`${renderDiagnostics(diagnostics, { textOf, cwd: process.cwd(), palette }).trimEnd()}\n`)
    },
    refuse: message => {
      if (json) stdout.write(`${JSON.stringify({ error: asTyped(message) })}\n`)
      else stderr.write(`${err.red('error:')} ${asTyped(message)}\n`)
      process.exitCode = 2
      return undefined
    },
    positiveInteger: value => {
      const n = Number(value)
      if (!Number.isInteger(n) || n < 1) throw new InvalidArgumentError('a whole number from 1 up is wanted.')
      return n
    },
    isOwnCommand,
    exit: code => {
      process.exitCode = code
    },
  }
}
