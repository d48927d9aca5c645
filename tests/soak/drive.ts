// Runs the project of a world: in this process, with threads that live on from one run to the next, or through the command.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { builtInPlugin, definePlugin, executorNamed, planPipeline, runPipeline, servicesOf, type Event } from 'hone-engine'
import { Project } from '../rig.js'

export type Drive = 'process' | 'command'

export interface Asked {
  /** Ends the run when it has told of so many events: it is asked to stop, or its processes are killed. */
  readonly endsAfter?: number
  /** Else that of the project. */
  readonly store?: string
  readonly shuffleSeed: number
}

export interface Driver {
  /** Every event, as far as it was told. */
  run(project: Project, asked: Asked): Promise<readonly Event[]>
  /** By node, what is to happen. */
  plan(project: Project): Promise<Readonly<Record<string, string>>>
  close(): Promise<void>
}

/** Where fresh runs have their stores. */
export function emptyStore(): string {
  return mkdtempSync(join(tmpdir(), 'hone-soak-'))
}
export const forget = (store: string) => rmSync(store, { recursive: true, force: true })

export const driverOf = (drive: Drive): Promise<Driver> => (drive === 'process' ? inProcess() : Promise.resolve(byCommand()))

async function inProcess(): Promise<Driver> {
  const executor = (await servicesOf([])()).get(executorNamed('local'))({ projectRoot: tmpdir() })
  const local = { run: executor.run.bind(executor), close: () => Promise.resolve() }
  const builtIn = [builtInPlugin(definePlugin({ name: 'soak-threads', api: 1, provides: [{ token: executorNamed('local'), create: () => () => local }] }), import.meta.url)]
  const options = (project: Project, store?: string) => ({ file: project.path('pipeline.yaml'), builtIn, env: { PATH: process.env['PATH'], ...(store !== undefined && { HONE_HOME: store }) } })
  const refused = (diagnostics: readonly { message: string }[]) => new Error(`refused: ${diagnostics.map(d => d.message).join('\n')}`)
  return {
    async run(project, { endsAfter, store, shuffleSeed }) {
      const events: Event[] = []
      const cancel = new AbortController()
      const sink = (event: Event) => {
        events.push(event)
        if (events.length === endsAfter) cancel.abort(new Error('enough'))
      }
      const outcome = await runPipeline({ ...options(project, store), machine: { cpus: 3, memory: 2 ** 32, gpus: 0 }, cancel: cancel.signal, keepGoing: true, shuffleSeed }, [sink])
      if (outcome.status === 'refused') throw refused(outcome.diagnostics)
      return events
    },
    async plan(project) {
      const planned = await planPipeline(options(project))
      if (!planned.ok) throw refused(planned.diagnostics)
      return Object.fromEntries([...planned.value.nodes].map(([id, { action }]) => [id, action]))
    },
    close: () => executor.close(),
  }
}

function byCommand(): Driver {
  return {
    async run(project, { endsAfter, store }) {
      const running = project.start(['run', 'pipeline.yaml', '--json', '--keep-going'], { env: store === undefined ? {} : { HONE_HOME: store } })
      if (endsAfter !== undefined) {
        await running.until('so many events', () => running.stdout.split('\n').length > endsAfter).catch(() => {})
        // The command, and not what it started: that has to notice by itself.
        if (running.child.exitCode === null) running.kill('SIGKILL')
      }
      const { stdout, stderr, code } = await running.ended
      if (stderr !== '' && code === 2) throw new Error(stderr)
      return stdout.split('\n').filter(line => line.endsWith('}')).map(line => JSON.parse(line) as Event)
    },
    async plan(project) {
      const { json } = await project.hone('plan', 'pipeline.yaml', '--json')
      return Object.fromEntries(Object.entries(json.stages as Record<string, { action: string }>).map(([id, { action }]) => [id, action]))
    },
    close: () => Promise.resolve(),
  }
}
