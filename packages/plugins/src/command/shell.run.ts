import { cp, mkdtemp, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { jsonFault, type ArtifactHandle, type StageContext } from 'hone-engine'
import { execa } from 'execa'
import * as plain from '../kinds/plain.js'
import type { ShellParams } from './shell.js'
import { variable } from './variable.js'

// The others are folders.
const extensions = new Map(Object.values(plain).map(({ id, extension }) => [id as string, extension]))

/** Of the machine's environment a command sees only these. */
const passed = ['PATH', 'HOME', 'LANG', 'TMPDIR']

export default async function run(context: StageContext<ShellParams>): Promise<void> {
  const { params, inputs, outputs, env: own, projectRoot, scratch, signal, log, fail } = context
  const given: Record<string, string> = {}
  const folders: string[] = []
  try {
    for (const [port, input] of Object.entries(inputs) as [string, ArtifactHandle | ArtifactHandle[]][]) {
      if (port === 'files') continue
      if (Array.isArray(input)) {
        const folder = await mkdtemp(join(tmpdir(), 'hone-inputs-'))
        folders.push(folder)
        await gather(input, folder)
        given[`HONE_INPUT_${variable(port)}`] = folder
      } else given[`HONE_INPUT_${variable(port)}`] = input.path
    }
    for (const [port, output] of Object.entries(outputs)) given[`HONE_OUTPUT_${variable(port)}`] = output.path
    const machine = Object.fromEntries(passed.flatMap(name => (process.env[name] === undefined ? [] : [[name, process.env[name]]])))
    await bash(params.command, { cwd: projectRoot, env: { ...machine, ...own, ...given, HONE_SCRATCH: scratch }, signal, log, fail })
  } finally {
    for (const folder of folders) await rm(folder, { recursive: true, force: true })
  }
  await tellMetrics(context)
}

/** The numbers of a JSON object in an output of kind `metrics` are metrics of the stage; what else stands there, and what lies deeper, is not. */
async function tellMetrics({ params, outputs, metric, fail }: StageContext<ShellParams>): Promise<void> {
  const told = new Map<string, string>()
  for (const port of Object.keys(params.outputs).filter(port => params.outputs[port] === plain.metrics.id)) {
    const wrong = (what: string): never => fail(`the output "${port}" ${what}`, `outputs/${port}`, 'An output of kind metrics is one JSON object, as {"score": 0.5}; any other file is of kind file.')
    // What was not written is told by the engine.
    const text = await readFile(outputs[port]!.path, 'utf8').catch(() => undefined)
    if (text === undefined) continue
    let value: unknown
    try {
      value = JSON.parse(text)
    } catch (e) {
      wrong(`is not JSON: ${jsonFault(e)}`)
    }
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return wrong('is no JSON object')
    for (const [name, number] of Object.entries(value)) {
      if (typeof number !== 'number') continue
      if (told.has(name)) fail(`the outputs "${told.get(name)}" and "${port}" both give the metric "${name}"`, `outputs/${port}`)
      told.set(name, port)
      metric(name, number)
    }
  }
}

/**
 * The members of a port as entries of one folder, named by position and label, and `index.json`: a list of `{ label, path, kind }` in
 * their order, `path` relative to the folder.
 */
async function gather(members: readonly ArtifactHandle[], folder: string): Promise<void> {
  const index: { label: string; path: string; kind: string }[] = []
  for (const [i, member] of members.entries()) {
    const isFolder = (await stat(member.path)).isDirectory()
    const label = member.label.replace(/[^\w.=-]+/g, '_')
    const extension = extensions.get(member.kind)
    const path = `${String(i).padStart(3, '0')}${label === '' ? '' : `-${label}`}${isFolder || extension === undefined ? '' : `.${extension}`}`
    try {
      await symlink(member.path, join(folder, path), isFolder ? 'junction' : 'file')
    } catch (e) {
      if ((e as NodeJS.ErrnoException).code !== 'EPERM') throw e
      await cp(member.path, join(folder, path), { recursive: true })
    }
    index.push({ label: member.label, path, kind: member.kind })
  }
  await writeFile(join(folder, 'index.json'), JSON.stringify(index, null, 2) + '\n')
}

interface Surroundings {
  readonly cwd: string
  readonly env: Readonly<Record<string, string | undefined>>
  readonly signal: AbortSignal
  readonly log: StageContext['log']
  readonly fail: StageContext['fail']
}

/** How long what a command leaves in the background may take to end. */
const graceMs = 10_000

/**
 * Bash stays in the group of this process, so that whoever ends the stage ends all that the command started too. Its output goes
 * where this process's goes, as it comes. An exit code other than 0 throws, and so may be tried again.
 */
async function bash(command: string, { cwd, env, signal, log, fail }: Surroundings): Promise<void> {
  signal.throwIfAborted()
  const running = execa('bash', ['-euo', 'pipefail', '-c', command], {
    cwd,
    env,
    extendEnv: false,
    // The last is a pipe that all which the command starts has open, so that its end says that all of it has ended.
    stdio: ['ignore', 'inherit', 'inherit', 'pipe'],
    buffer: false,
    cancelSignal: signal,
    reject: false,
  })
  const open = running.stdio[3] as Readable | undefined
  open?.resume()
  const letGo = () => open?.destroy()
  signal.addEventListener('abort', letGo, { once: true })
  let goesOn: NodeJS.Timeout | undefined
  running.once('exit', () => {
    goesOn = setTimeout(() => {
      log(`What the command started in the background goes on after ${graceMs / 1000} seconds. What it writes from now on is no part of the result.`)
      letGo()
    }, graceMs)
  })
  const ended = await running
  clearTimeout(goesOn)
  signal.removeEventListener('abort', letGo)
  signal.throwIfAborted()
  if (!ended.failed || ended.exitCode === 0) return
  if (ended.code === 'ENOENT') fail('bash was not found on this machine', undefined, 'Install bash, or put it into the PATH.')
  if (ended.signal !== undefined) throw new Error(`the command was ended by ${ended.signal}`)
  throw new Error(ended.exitCode === undefined ? ended.shortMessage : `the command ended with exit code ${ended.exitCode}`)
}
