import { lightCancelMs } from '../execute/host.js'
import { wrongAnswer } from '../plan/outside-data.js'
import type { StageDefinition } from '../plugin/define.js'
import { inTime } from './attempt.js'
import { completeParams, type StageSetting } from './setting.js'
import { watchWrites } from './write-watch.js'

interface Asked {
  readonly answer: unknown
  readonly threw?: string
  readonly hasEnded: boolean
  readonly durationMs: number
  readonly written: readonly string[]
}

/** Asks a probe once; `abortAfterMs` aborts it after so long. */
async function ask(stage: StageDefinition, setting: StageSetting, timeoutMs: number, abortAfterMs?: number): Promise<Asked> {
  const abort = new AbortController()
  const stop = () => abort.abort(new Error('the run was interrupted'))
  const params = completeParams(stage, setting)
  return watchWrites([], async writes => {
    const startedAt = performance.now()
    if (abortAfterMs === 0) stop()
    const timer = abortAfterMs ? setTimeout(stop, abortAfterMs) : undefined
    const probe = async () => ({ answer: (await stage.probe!({ params, env: setting.env ?? {}, signal: abort.signal })) as unknown })
    const ended = await inTime(probe().catch((error: unknown) => ({ answer: undefined, threw: error instanceof Error ? error.message : String(error) })), timeoutMs)
    clearTimeout(timer)
    return { answer: undefined, ...ended, hasEnded: ended !== undefined, durationMs: performance.now() - startedAt, written: [...writes.outside] }
  })
}

/** What is wrong with what a probe says: it must answer twice, with the same text where nothing has changed between. */
export async function wrongProbe(stage: StageDefinition, setting: StageSetting, timeoutMs: number): Promise<string | undefined> {
  const answers: unknown[] = []
  for (let time = 0; time < 2; time++) {
    const { answer, threw, hasEnded } = await ask(stage, setting, timeoutMs)
    if (!hasEnded) return `its probe did not answer within ${timeoutMs} ms`
    if (threw !== undefined) return `its probe throws: ${threw}`
    const wrong = wrongAnswer(answer)
    if (wrong !== undefined) return wrong
    answers.push(answer)
  }
  const [first, second] = answers.map(answer => JSON.stringify(answer) ?? 'undefined')
  return first === second ? undefined : `its probe answers ${first}, then ${second}, and nothing has changed between: each run would fetch anew`
}

/** A probe is asked by every run, also where the stage is a hit: it must leave no trace. */
export async function writingProbe(stage: StageDefinition, setting: StageSetting, timeoutMs: number): Promise<string | undefined> {
  const { written } = await ask(stage, setting, timeoutMs)
  return written.length > 0 ? `its probe writes to ${written.join(', ')}: it must only ask` : undefined
}

export async function deafProbe(stage: StageDefinition, setting: StageSetting, timeoutMs: number, graceMs = lightCancelMs): Promise<string | undefined> {
  const { durationMs, hasEnded } = await ask(stage, setting, timeoutMs)
  // That is told by another check.
  if (!hasEnded) return undefined
  for (const abortAfterMs of [0, Math.max(1, durationMs / 2)]) {
    const stopped = await ask(stage, setting, abortAfterMs + graceMs + 50, abortAfterMs)
    if (stopped.durationMs - abortAfterMs > graceMs) return `its probe had not ended ${graceMs} ms after it was cancelled: hand its \`signal\` on`
  }
  return undefined
}
