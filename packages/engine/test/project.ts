import { mkdir, mkdtemp, realpath, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import type { Event } from '../src/events/event.js'
import { runPipeline, type RunOptions, type RunOutcome } from '../src/run.js'

/** Kinds and a stage or two for tests, as a plugin file of the project. */
export const kinds = `import { defineKind } from 'hone-engine'
export const rows = defineKind({ id: 'rows', summary: 'JSON objects.', form: 'file', extension: 'jsonl', rows: {} })
export const file = defineKind({ id: 'file', summary: 'Any file.', form: 'file' })
export const folder = defineKind({ id: 'folder', summary: 'Any folder.', form: 'folder' })
`

/** A plugin file with stages given as source text: `id: { params, inputs, outputs, more, run }`. */
export function plugin(stages: Record<string, { params?: string; inputs?: string; outputs?: string; more?: string; run: string }>, top = ''): string {
  const parts = Object.entries(stages).map(
    ([id, s]) => `defineStage({
  id: '${id}', version: 1, summary: 'For a test.',
  params: params({ type: 'object', additionalProperties: false, properties: { ${s.params ?? ''} } }),
  inputs: { ${s.inputs ?? ''} }, outputs: { ${s.outputs ?? 'rows: { kind: rows }'} }, determinism: 'bytes', ${s.more ?? ''}
  run: async () => ({ default: ${s.run} }),
})`,
  )
  return `import { definePlugin, defineStage, params } from 'hone-engine'
import { rows, file, folder } from './kinds'
${top}
export default definePlugin({ name: 'test', api: 1, kinds: [rows, file, folder], stages: [${parts.join(',\n')}] })
`
}

export class Project {
  readonly root: string
  constructor(root: string) {
    this.root = root
  }

  static async make(files: Record<string, string>): Promise<Project> {
    const project = new Project(await realpath(await mkdtemp(join(tmpdir(), 'hone run '))))
    await project.write({ 'package.json': '{"name":"p","version":"1.0.0"}', 'kinds.ts': kinds, ...files })
    return project
  }

  path(name: string): string {
    return join(this.root, name)
  }

  async write(files: Record<string, string>): Promise<void> {
    for (const [name, text] of Object.entries(files)) {
      await mkdir(dirname(this.path(name)), { recursive: true })
      await writeFile(this.path(name), text)
    }
  }

  remove(name: string): Promise<void> {
    return rm(this.path(name), { recursive: true, force: true })
  }

  /** The same project in another folder. */
  async move(): Promise<Project> {
    const to = `${this.root} moved`
    await rename(this.root, to)
    return new Project(to)
  }

  get options() {
    return { file: this.path('pipeline.yaml'), builtIn: [], env: { PATH: process.env.PATH } }
  }

  async run(options: Partial<RunOptions> = {}): Promise<Ran> {
    const events: Event[] = []
    const outcome = await runPipeline({ ...this.options, machine: { cpus: 4, memory: 2 ** 34, gpus: 0 }, ...options }, [e => events.push(e)])
    return { outcome, events, finished: Object.fromEntries(events.flatMap(e => (e.type === 'stage-finished' ? [[e.stage, e] as const] : []))) }
  }
}

export interface Ran {
  readonly outcome: RunOutcome
  readonly events: readonly Event[]
  readonly finished: Readonly<Record<string, Extract<Event, { type: 'stage-finished' }>>>
}

/** How each node ended; a refused run fails the test with what was wrong. */
export function statuses({ outcome }: Ran): unknown {
  if (outcome.status === 'refused') throw new Error(outcome.diagnostics.map(d => `${d.range?.line}:${d.range?.column} ${d.code} ${d.message}`).join('\n'))
  return outcome.stages
}
