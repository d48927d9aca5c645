import { spawn } from 'node:child_process'
import { cp, mkdtemp, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ArtifactHandle, StageContext } from 'hone-engine'
import * as plain from '../kinds/plain.js'
import type { ShellParams } from './shell.js'
import { variable } from './variable.js'

// The others are folders.
const extensions = new Map(Object.values(plain).map(({ id, extension }) => [id as string, extension]))

/** Of the machine's environment a command sees only these. */
const passed = ['PATH', 'HOME', 'LANG', 'TMPDIR']

export default async function run({ params, inputs, outputs, env: own, projectRoot, scratch, signal, fail }: StageContext<ShellParams>): Promise<void> {
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
    await bash(params.command, { cwd: projectRoot, env: { ...machine, ...own, ...given, HONE_SCRATCH: scratch }, signal, fail })
  } finally {
    for (const folder of folders) await rm(folder, { recursive: true, force: true })
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

/** How long a command has to end once it was asked to. */
const killAfterMs = 5000

interface Surroundings {
  readonly cwd: string
  readonly env: Readonly<Record<string, string | undefined>>
  readonly signal: AbortSignal
  readonly fail: StageContext['fail']
}

/**
 * Bash stays in the group of this process, so that whoever ends the stage ends all that the command started too. Its output goes
 * where this process's goes, as it comes. An exit code other than 0 throws, and so may be tried again.
 */
async function bash(command: string, { cwd, env, signal, fail }: Surroundings): Promise<void> {
  signal.throwIfAborted()
  let killing: NodeJS.Timeout | undefined
  let stop = () => {}
  try {
    const { code, by } = await new Promise<{ code: number | null; by: NodeJS.Signals | null }>((done, refuse) => {
      const child = spawn('bash', ['-euo', 'pipefail', '-c', command], { cwd, env, stdio: ['ignore', 'inherit', 'inherit'] })
      child.once('error', refuse)
      child.once('close', (code, by) => done({ code, by }))
      stop = () => {
        child.kill('SIGTERM')
        killing = setTimeout(() => child.kill('SIGKILL'), killAfterMs)
      }
      signal.addEventListener('abort', stop, { once: true })
    })
    signal.throwIfAborted()
    if (by !== null) throw new Error(`the command was ended by ${by}`)
    if (code !== 0) throw new Error(`the command ended with exit code ${code}`)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') fail('bash was not found on this machine', undefined, 'Install bash, or put it into the PATH.')
    throw error
  } finally {
    clearTimeout(killing)
    signal.removeEventListener('abort', stop)
  }
}
