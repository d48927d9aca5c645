import { randomUUID } from 'node:crypto'
import { Worker } from 'node:worker_threads'
import { runsFromSource } from '../plugin/resolve.js'
import { failed, lightCancelMs, timedOut, type Attempt } from './host.js'
import { MarkedStream } from './marked-stream.js'
import type { FromStage, ToStage } from './messages.js'
import type { StageResult } from './request.js'

// tsx does not follow into worker threads: from sources the thread registers it itself.
const main = runsFromSource
  ? new URL(`data:text/javascript,${encodeURIComponent(`import { register } from ${JSON.stringify(import.meta.resolve('tsx/esm/api'))}; register(); await import(${JSON.stringify(new URL('./worker-main.ts', import.meta.url).href)})`)}`)
  : new URL('./worker-main.js', import.meta.url)

/** A worker thread that runs one `light` stage at a time: no process to start, and an endless loop in it can still be ended. */
export class Thread {
  readonly #worker: Worker
  readonly #streams: { stdout: MarkedStream; stderr: MarkedStream }
  readonly #closed: Promise<{ code: number }>
  #error: Error | undefined
  isGood = true

  constructor(env: Readonly<Record<string, string>>) {
    this.#worker = new Worker(main, { env: { ...env }, stdout: true, stderr: true })
    this.#worker.unref()
    this.#worker.on('error', error => (this.#error = error))
    this.#streams = { stdout: new MarkedStream(this.#worker.stdout), stderr: new MarkedStream(this.#worker.stderr) }
    this.#closed = new Promise(done => this.#worker.once('exit', code => done({ code })))
    void this.#closed.then(() => (this.isGood = false))
  }

  async run(attempt: Attempt): Promise<StageResult> {
    this.#worker.ref()
    const mark = `\u0000hone ${randomUUID()}`
    const marks = [this.#streams.stdout.until(mark, t => attempt.onOutput('stdout', t)), this.#streams.stderr.until(mark, t => attempt.onOutput('stderr', t))]
    let because: 'timeout' | 'stop' | undefined
    const timers: NodeJS.Timeout[] = []
    const end = (why: 'timeout' | 'stop') => {
      because ??= why
      this.isGood = false
      void this.#worker.terminate()
    }
    const onCancel = () => {
      this.#worker.postMessage({ type: 'cancel' } satisfies ToStage)
      timers.push(setTimeout(() => end('stop'), lightCancelMs))
    }
    const onKill = () => end('stop')
    let onMessage: (message: FromStage) => void = () => {}
    const answered = new Promise<StageResult>(done => {
      onMessage = message => {
        if (message.type === 'event') attempt.onEvent(message.event)
        else {
          if (!message.result.ok) this.isGood = false
          done(message.result)
        }
      }
    })
    this.#worker.on('message', onMessage)
    attempt.cancel.addEventListener('abort', onCancel, { once: true })
    attempt.kill.addEventListener('abort', onKill, { once: true })
    if (attempt.timeoutMs !== undefined) timers.push(setTimeout(() => end('timeout'), attempt.timeoutMs))
    try {
      this.#worker.postMessage({ type: 'run', request: attempt.request, env: attempt.env, mark } satisfies ToStage)
      if (attempt.cancel.aborted) onCancel()
      if (attempt.kill.aborted) onKill()
      const ended = await Promise.race([answered, this.#closed])
      if ('ok' in ended) {
        await Promise.race([Promise.all(marks), new Promise(done => timers.push(setTimeout(done, 1000)))])
        return ended
      }
      if (because === 'timeout') return timedOut(attempt.timeoutMs!)
      if (because === 'stop') return failed({ reason: 'crashed', message: 'was ended by the interrupt', final: true })
      if (this.#error) return failed({ reason: 'crashed', message: this.#error.message, final: false, ...(this.#error.stack && { stack: this.#error.stack }) })
      return failed({ reason: 'crashed', message: `ended its thread with process.exit(${ended.code})`, final: false })
    } finally {
      for (const timer of timers) clearTimeout(timer)
      this.#worker.off('message', onMessage)
      attempt.cancel.removeEventListener('abort', onCancel)
      attempt.kill.removeEventListener('abort', onKill)
      this.#streams.stdout.release()
      this.#streams.stderr.release()
      if (!this.isGood) await this.end()
      else this.#worker.unref()
    }
  }

  async end(): Promise<void> {
    this.isGood = false
    await this.#worker.terminate()
  }
}
