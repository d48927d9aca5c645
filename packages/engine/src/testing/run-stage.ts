import { readFile } from 'node:fs/promises'
import type { StageResult } from '../execute/request.js'
import type { StageDefinition } from '../plugin/define.js'
import { attempt } from './attempt.js'
import { askForStage, type StageSetting } from './setting.js'

/** What a stage left when it was run alone. */
export interface StageRun {
  /** What ended it, as the engine tells it; undefined where it did what it should. */
  readonly failure: (StageResult & { ok: false })['failure'] | undefined
  readonly metrics: Readonly<Record<string, number>>
  readonly logs: readonly string[]
  readonly warnings: readonly string[]
  path(port: string): string
  text(port: string): Promise<string>
  /** The rows of a JSONL output; none where it was left out. Throws where the stage failed. */
  rows<Row = any>(port: string): Promise<Row[]>
}

/** Runs a stage in this process on what a test gives it, in a temporary folder, by the rules that the engine holds it to. */
export async function runStage(stage: StageDefinition<any>, setting: StageSetting & { readonly timeoutMs?: number } = {}): Promise<StageRun> {
  askForStage(stage, 'runStage')
  const { timeoutMs = 60_000 } = setting
  const { place, result, events, outputFault } = await attempt(stage, setting, { timeoutMs })
  if (!result) throw new Error(`${stage.id} did not end within ${timeoutMs} ms`)
  const failure = result.ok ? outputFault : result.failure
  const lines = (level: 'info' | 'warn') => events.flatMap(e => (e.type === 'log' && e.level === level ? [e.message] : []))
  const path = (port: string) => {
    const output = place.request.outputs[port]
    if (!output) throw new Error(`${stage.id} has no output "${port}"; it has ${Object.keys(place.request.outputs).join(', ')}`)
    if (failure) throw new Error(`${stage.id} failed: ${failure.message}`, { cause: failure.stack })
    return output.path
  }
  return {
    failure,
    metrics: result.ok ? result.metrics : {},
    logs: lines('info'),
    warnings: lines('warn'),
    path,
    text: port => readFile(path(port), 'utf8'),
    async rows(port) {
      const text = await readFile(path(port), 'utf8').catch((error: NodeJS.ErrnoException) => {
        if (error.code === 'ENOENT') return ''
        throw error
      })
      return text.split('\n').filter(line => line !== '').map(line => JSON.parse(line))
    },
  }
}
