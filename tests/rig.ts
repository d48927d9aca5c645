// Projects in temporary folders and the real `hone` command run in them. What was started is ended, and what was made removed, when the tests end.
import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath, pathToFileURL } from 'node:url'
import type { Event } from 'hone-engine'

const root = fileURLToPath(new URL('..', import.meta.url))
const { isBuilt } = (await import(pathToFileURL(join(root, 'scripts/prepare.mjs')).href)) as { isBuilt: () => boolean }

/** The built program where it is what the sources say, as after `npm run build`; else the sources themselves, which start slower. */
export const program =
  (process.env.HONE_TEST_PROGRAM ?? (isBuilt() ? 'built' : 'sources')) === 'built'
    ? [join(root, 'packages/cli/bin/hone.js')]
    : ['--import', pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href, '--conditions=hone-source', join(root, 'packages/cli/src/main.ts')]

/** Where `hone` is found, so that what is printed to be typed is short. */
const bin = join(root, 'node_modules/.bin')

const running = new Set<ChildProcess>()
const made = new Set<string>()
process.on('exit', () => {
  for (const child of running) if (child.pid !== undefined) endGroup(child.pid)
  for (const folder of made) rmSync(folder, { recursive: true, force: true })
})

function endGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL')
  } catch {
    // It has ended.
  }
}

type EventOf<T extends Event['type']> = Extract<Event, { type: T }>

/** What a command left behind. */
export class Ended {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
  constructor(code: number | null, signal: NodeJS.Signals | null, stdout: string, stderr: string) {
    this.code = code
    this.signal = signal
    this.stdout = stdout
    this.stderr = stderr
  }

  /** The one object that a command other than `run` prints under `--json`. */
  get json(): any {
    return JSON.parse(this.stdout)
  }

  /** The events of `hone run --json`. */
  get events(): Event[] {
    return this.stdout.split('\n').filter(line => line !== '').map(line => JSON.parse(line) as Event)
  }

  of<T extends Event['type']>(type: T): EventOf<T>[] {
    return this.events.filter((event): event is EventOf<T> => event.type === type)
  }

  /** How each stage ended. Where the run was refused or broke off, the test fails with what was said. */
  get statuses(): Readonly<Record<string, string>> {
    const finished = this.stdout.startsWith('{') ? this.of('run-finished')[0] : undefined
    if (!finished) throw new Error(`exit ${this.code ?? this.signal}\n${this.stdout}\n${this.stderr}`)
    return finished.stages
  }

  finished(stage: string): EventOf<'stage-finished'> {
    const event = this.of('stage-finished').find(e => e.stage === stage)
    if (!event) throw new Error(`${stage} did not finish: ${this.stdout}\n${this.stderr}`)
    return event
  }
}

/** A command that goes on, in a process group of its own. */
export class Running {
  readonly child: ChildProcess
  readonly ended: Promise<Ended>
  stdout = ''
  stderr = ''

  constructor(child: ChildProcess) {
    this.child = child
    running.add(child)
    child.stdout!.setEncoding('utf8').on('data', (text: string) => (this.stdout += text))
    child.stderr!.setEncoding('utf8').on('data', (text: string) => (this.stderr += text))
    this.ended = new Promise(done => {
      child.on('close', (code, signal) => {
        running.delete(child)
        done(new Ended(code, signal, this.stdout, this.stderr))
      })
    })
  }

  kill(signal: NodeJS.Signals): void {
    process.kill(this.child.pid!, signal)
  }

  /** Waits for something to become true while the command runs; fails when it ends first. */
  async until(what: string, isTrue: () => boolean): Promise<void> {
    const isOver = this.ended.then(() => true)
    while (!isTrue()) if (await Promise.race([isOver, sleep(10, false)])) throw new Error(`ended before ${what}:\n${this.stdout}\n${this.stderr}`)
  }
}

export interface CommandOptions {
  readonly env?: Readonly<Record<string, string>>
  /** Below the project, or absolute. */
  readonly cwd?: string
  /** What it reads from stdin; without it stdin is at its end. */
  readonly input?: string
  /** Another user and group, whom only root can become. */
  readonly uid?: number
}

/** How a command is started by somebody whom modes of files bind; undefined where there is nobody who can read the program. */
export function nobodyHere(): CommandOptions | undefined {
  if (process.getuid?.() !== 0) return process.getuid ? {} : undefined
  const reads = spawnSync(process.execPath, ['-e', `require('fs').accessSync(${JSON.stringify(join(root, 'packages/cli/bin/hone.js'))})`], { uid: 65534, gid: 65534 })
  return reads.status === 0 ? { uid: 65534 } : undefined
}

/** A project in a temporary folder, with a space and letters beyond ASCII in its path. */
export class Project {
  readonly root: string
  constructor(folder: string) {
    this.root = folder
    made.add(folder)
  }

  static make(files: Readonly<Record<string, string>> = {}): Project {
    const project = new Project(realpathSync(mkdtempSync(join(tmpdir(), 'hone prüfung ü '))))
    project.write({ 'package.json': '{}\n', ...files })
    return project
  }

  path(...names: string[]): string {
    return join(this.root, ...names)
  }

  write(files: Readonly<Record<string, string>>): void {
    for (const [name, text] of Object.entries(files)) {
      mkdirSync(dirname(this.path(name)), { recursive: true })
      writeFileSync(this.path(name), text)
    }
  }

  /** Replaces a text that must be there, once. */
  edit(name: string, from: string, to: string): void {
    const text = this.read(name)
    if (text.split(from).length !== 2) throw new Error(`${name} has ${text.split(from).length - 1} times ${from}`)
    this.write({ [name]: text.replace(from, () => to) })
  }

  read(name: string): string {
    return readFileSync(this.path(name), 'utf8')
  }

  has(name: string): boolean {
    return existsSync(this.path(name))
  }

  /** The same project, store and all, in another folder. */
  move(): Project {
    const to = `${this.root} moved`
    renameSync(this.root, to)
    return new Project(to)
  }

  copyIn(from: string, name: string): void {
    cpSync(from, this.path(name), { recursive: true })
  }

  start(args: readonly string[], { env = {}, cwd = '.', input, uid }: CommandOptions = {}): Running {
    const kept = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(HONE_|NODE_|NO_COLOR$|FORCE_COLOR$|CI$|TERM$)/.test(name)))
    const child = spawn(process.execPath, [...program, ...args], { cwd: resolve(this.root, cwd), env: { ...kept, PATH: `${bin}${delimiter}${process.env.PATH}`, ...env }, detached: true, stdio: [input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'], ...(uid !== undefined && { uid, gid: uid }) })
    child.stdin?.end(input)
    return new Running(child)
  }

  hone(...args: string[]): Promise<Ended> {
    return this.start(args).ended
  }

  /** `hone run pipeline.yaml … --json`. */
  run(...args: string[]): Promise<Ended> {
    return this.hone('run', 'pipeline.yaml', ...args, '--json')
  }
}

/** A stage of `command/shell` as a line of YAML; `to` is its only output, of kind `rows`. */
export const shell = (command: string, more = '', inputs = ''): string =>
  `{ uses: command/shell, ${inputs && `inputs: { ${inputs} }, `}with: { command: ${JSON.stringify(command)}, outputs: { to: rows } }${more && `, ${more}`} }`

/** Waits until it is true; after half a minute the test fails. */
export async function until(what: string, isTrue: () => boolean): Promise<void> {
  for (let i = 0; i < 3000; i++) {
    if (isTrue()) return
    await sleep(10)
  }
  throw new Error(`waited in vain: ${what}`)
}
