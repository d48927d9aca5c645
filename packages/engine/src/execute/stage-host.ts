import { randomUUID } from 'node:crypto'
import type { Readable } from 'node:stream'
import { failed, longestTimerMs, timedOut, type Attempt } from './host.js'
import { MarkedStream } from './marked-stream.js'
import type { FromStage, ToStage } from './messages.js'
import type { StageResult } from './request.js'

const largestRss = 768 * 1024 * 1024

/** What runs one stage at a time, a process or a thread: one attempt is the same for both, how they are told and ended is theirs. */
export abstract class StageHost {
  /** False after anything that a stage may have left behind. */
  isGood = true
  readonly #streams: { stdout: MarkedStream; stderr: MarkedStream }

  constructor(stdout: Readable, stderr: Readable) {
    this.#streams = { stdout: new MarkedStream(stdout), stderr: new MarkedStream(stderr) }
  }

  /** Of a process of its own. */
  protected abstract readonly pid: number | undefined
  /** From the cancel message to the end by force, in milliseconds. */
  protected abstract readonly cancelMs: number
  /** Done when nothing of it runs any more: what that is for a stage that had not answered. */
  protected abstract readonly gone: Promise<StageResult>
  protected abstract send(message: ToStage): void
  /** Gives what stops listening. */
  protected abstract listen(onMessage: (message: FromStage) => void): () => void
  /** Ends it. What is to be done if it has not ended by then goes to `after`. */
  protected abstract stop(after: (ms: number, act: () => void) => void): void
  /** Ends it without a word. */
  protected abstract kill(): void
  /** Ends it and all that it started; done when it is gone. */
  abstract end(): Promise<void>

  async run(attempt: Attempt): Promise<StageResult> {
    const mark = `\u0000hone ${randomUUID()}`
    const { stdout, stderr } = this.#streams
    const marks = [stdout.until(mark, t => attempt.onOutput('stdout', t)), stderr.until(mark, t => attempt.onOutput('stderr', t))]
    let because: 'timeout' | 'cancel' | 'kill' | undefined
    const timers: NodeJS.Timeout[] = []
    const after = (ms: number, act: () => void) => void timers.push(setTimeout(ms > longestTimerMs ? () => after(ms - longestTimerMs, act) : act, Math.min(ms, longestTimerMs)))
    const onCancel = () => {
      because ??= 'cancel'
      this.send({ type: 'cancel' })
      after(this.cancelMs, () => this.stop(after))
    }
    const onKill = () => {
      because = 'kill'
      this.kill()
    }
    let stopListening = () => {}
    const answered = new Promise<FromStage & { type: 'result' }>(done => {
      stopListening = this.listen(message => {
        if (message.type === 'event') return attempt.onEvent(message.event)
        if (!message.result.ok || message.rss > largestRss) this.isGood = false
        done(message)
      })
    })
    attempt.cancel.addEventListener('abort', onCancel, { once: true })
    attempt.kill.addEventListener('abort', onKill, { once: true })
    if (attempt.timeoutMs !== undefined)
      after(attempt.timeoutMs, () => {
        because ??= 'timeout'
        this.stop(after)
      })
    try {
      if (this.pid !== undefined) attempt.onProcess?.(this.pid)
      this.send({ type: 'run', request: attempt.request, env: attempt.env, mark })
      if (attempt.cancel.aborted) onCancel()
      if (attempt.kill.aborted) onKill()
      const ended = await Promise.race([answered.then(({ result, marked }) => ({ hasAnswered: true, marked, result })), this.gone.then(result => ({ hasAnswered: false, marked: false, result }))])
      if (because !== undefined || attempt.fresh) this.isGood = false
      if (ended.hasAnswered) {
        if (ended.marked) await Promise.race([Promise.all(marks), this.gone, new Promise<void>(done => after(1000, done))])
        return because === 'timeout' && !ended.result.ok ? timedOut(attempt.timeoutMs!) : ended.result
      }
      this.isGood = false
      if (because === 'timeout') return timedOut(attempt.timeoutMs!)
      if (because !== undefined) return failed({ reason: 'crashed', message: 'was ended by the interrupt', final: true })
      return ended.result
    } finally {
      for (const timer of timers) clearTimeout(timer)
      stopListening()
      attempt.cancel.removeEventListener('abort', onCancel)
      attempt.kill.removeEventListener('abort', onKill)
      stdout.release()
      stderr.release()
      // Nothing of a failed or interrupted attempt may go on writing while the next one runs.
      if (!this.isGood) await this.end()
    }
  }
}
