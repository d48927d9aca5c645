// Runs the project of a world: in this process, with threads that live on from one run to the next, or through the command.
import * as fs from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { builtInPlugin, collectGarbage, definePlugin, executorNamed, openStore, planPipeline, runPipeline, servicesOf, verifyStore, type Event } from 'hone-engine'
import { builtInPlugin as plugins } from 'hone-plugins'
import { Project } from '../rig.js'
import { secretOf } from './files.js'
import type { World } from './world.js'

export type Drive = 'process' | 'command'

export interface Asked {
  /** What is said on the command line and in the environment. */
  readonly world: World
  readonly shuffleSeed: number
  /** Ends the run when it has told of so many events: it is asked to stop, or its processes are killed. */
  readonly endsAfter?: number
  /** Else that of the project. */
  readonly store?: string
  readonly selection?: Selection
}

/** How the name of a stage is asked for: `STAGE`, `--force=STAGE` and so on. */
export interface Selection {
  readonly by: 'stage' | 'only' | 'from' | 'force' | 'refresh'
  readonly stage: string
}

/** What is asked for cannot be done, and nothing was started. */
export class Refused extends Error {}

export interface Driver {
  /** Every event, as far as it was told. */
  run(project: Project, asked: Asked): Promise<readonly Event[]>
  /** By node, what is to happen. */
  plan(project: Project, world: World): Promise<Record<string, string>>
  /** `cache gc`, long after. */
  collect(project: Project, keep: number): Promise<void>
  /** `cache verify`: how much it found wrong. */
  verify(project: Project): Promise<number>
  close(): Promise<void>
}

/** After which nothing is kept for being young. */
const aheadMs = 40 * 86_400_000

/** Where fresh runs have their stores. */
export function emptyStore(): string {
  return fs.mkdtempSync(join(tmpdir(), 'hone-soak-'))
}
export const forget = (store: string) => fs.rmSync(store, { recursive: true, force: true })

export const driverOf = (drive: Drive): Promise<Driver> => (drive === 'process' ? inProcess() : Promise.resolve(byCommand()))

const setOf = ({ set }: World): string[] => (set ? [`p${set.param}=${set.value}`] : [])
const environmentOf = (world: World, store: string | undefined) => ({ E: world.outerEnv, ...(store !== undefined && { HONE_HOME: store }) })

function withoutSecret(events: readonly Event[], world: World): readonly Event[] {
  if (JSON.stringify(events).includes(secretOf(world))) throw new Error('the secret was told')
  return events
}

async function inProcess(): Promise<Driver> {
  const executor = (await servicesOf([])()).get(executorNamed('local'))({ projectRoot: tmpdir() })
  const local = { run: executor.run.bind(executor), close: () => Promise.resolve() }
  const builtIn = [
    builtInPlugin(plugins, import.meta.resolve('hone-plugins')),
    builtInPlugin(definePlugin({ name: 'soak-threads', api: 1, provides: [{ token: executorNamed('local'), create: () => () => local }] }), import.meta.url),
  ]
  const options = (project: Project, world: World, store?: string) => ({ file: project.path('pipeline.yaml'), builtIn, set: setOf(world), env: { PATH: process.env['PATH'], ...environmentOf(world, store) } })
  const refused = (diagnostics: readonly { code: string; message: string }[]) => new Refused(diagnostics.map(d => `${d.code}: ${d.message}`).join('\n'))
  return {
    async run(project, { world, endsAfter, store, shuffleSeed, selection }) {
      const events: Event[] = []
      const cancel = new AbortController()
      const sink = (event: Event) => {
        events.push(event)
        if (events.length === endsAfter) cancel.abort(new Error('enough'))
      }
      const outcome = await runPipeline(
        { ...options(project, world, store), machine: { cpus: 3, memory: 2 ** 32, gpus: 0 }, cancel: cancel.signal, keepGoing: true, shuffleSeed, ...(selection && selected(selection)) },
        [sink],
      )
      if (outcome.status === 'refused') throw refused(outcome.diagnostics)
      return withoutSecret(events, world)
    },
    async plan(project, world) {
      const planned = await planPipeline(options(project, world))
      if (!planned.ok) throw refused(planned.diagnostics)
      return Object.fromEntries([...planned.value.nodes].map(([id, { action }]) => [id, action]))
    },
    async collect({ root }, keep) {
      const store = await openStore({ root: join(root, '.hone'), projectRoot: root, io: { fs, nowMs: () => Date.now() + aheadMs } })
      collectGarbage(store, { keep })
      await store.close()
    },
    async verify({ root }) {
      const store = await openStore({ root: join(root, '.hone'), projectRoot: root })
      const { moved, lost } = await verifyStore(store)
      await store.close()
      return moved.length + lost.length
    },
    close: () => executor.close(),
  }
}

function selected({ by, stage }: Selection) {
  if (by === 'stage') return { stages: [stage] }
  return by === 'force' || by === 'refresh' ? { [by]: [stage] } : { [by]: stage }
}

function byCommand(): Driver {
  const setting = (world: World) => setOf(world).flatMap(set => ['--set', set])
  return {
    async run(project, { world, endsAfter, store, selection }) {
      const args = ['run', 'pipeline.yaml', ...(selection ? [selection.by === 'stage' ? selection.stage : `--${selection.by}=${selection.stage}`] : []), '--json', '--keep-going', ...setting(world)]
      const running = project.start(args, { env: environmentOf(world, store) })
      if (endsAfter !== undefined) {
        await running.until('so many events', () => running.stdout.split('\n').length > endsAfter).catch(() => {})
        // The command, and not what it started: that has to notice by itself.
        if (running.child.exitCode === null) running.kill('SIGKILL')
      }
      const { stdout, stderr, code } = await running.ended
      if (code === 2) throw new Refused(stderr)
      return withoutSecret(stdout.split('\n').filter(line => line.endsWith('}')).map(line => JSON.parse(line) as Event), world)
    },
    async plan(project, world) {
      const { stdout, stderr } = await project.start(['plan', 'pipeline.yaml', '--json', ...setting(world)], { env: environmentOf(world, undefined) }).ended
      if (!stdout.startsWith('{')) throw new Error(stderr)
      return Object.fromEntries(Object.entries((JSON.parse(stdout) as { stages: Record<string, { action: string }> }).stages).map(([id, { action }]) => [id, action]))
    },
    async collect(project, keep) {
      const NODE_OPTIONS = `--import data:text/javascript,${encodeURIComponent(`const now = Date.now; Date.now = () => now() + ${aheadMs}`)}`
      const { code, stderr } = await project.start(['cache', 'gc', '--keep', `${keep}`], { env: { NODE_OPTIONS } }).ended
      if (code !== 0) throw new Error(stderr)
    },
    async verify(project) {
      const { json, code } = await project.hone('cache', 'verify', '--json')
      const { moved, lost } = json as { moved: unknown[]; lost: unknown[] }
      if (code !== (moved.length + lost.length > 0 ? 1 : 0)) throw new Error(`cache verify ended with ${code}`)
      return moved.length + lost.length
    },
    close: () => Promise.resolve(),
  }
}
