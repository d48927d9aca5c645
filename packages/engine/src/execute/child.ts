import { fork, type ChildProcess } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { fileURLToPath } from 'node:url'
import { runsFromSource } from '../plugin/resolve.js'
import { failed, patience, timedOut, type Attempt, type Patience } from './host.js'
import { MarkedStream } from './marked-stream.js'
import type { FromStage, ToStage } from './messages.js'
import type { StageResult } from './request.js'

const main = fileURLToPath(new URL(`./child-main${runsFromSource ? '.ts' : '.js'}`, import.meta.url))
// A debugger's port cannot be shared.
const execArgv = process.execArgv.filter(a => !a.startsWith('--inspect'))
const largestRss = 768 * 1024 * 1024

/** A process of its own group that runs one stage at a time. */
export class Child {
  readonly #process: ChildProcess
  readonly #patience: Patience
  readonly #streams: { stdout: MarkedStream; stderr: MarkedStream }
  readonly #closed: Promise<{ code: number | null; signal: NodeJS.Signals | null }>
  /** False after anything that a stage may have left behind. */
  isGood = true

  constructor(env: Readonly<Record<string, string>>, cwd: string, wait: Patience = patience) {
    this.#patience = wait
    this.#process = fork(main, [], { cwd, env: { ...env }, execArgv, detached: true, stdio: ['ignore', 'pipe', 'pipe', 'ipc'], serialization: 'json' })
    this.#streams = { stdout: new MarkedStream(this.#process.stdout!), stderr: new MarkedStream(this.#process.stderr!) }
    this.#closed = new Promise(done => {
      this.#process.once('error', () => done({ code: null, signal: null }))
      this.#process.once('exit', (code, signal) => {
        // What it started and left behind holds its pipes open, and must not go on writing.
        this.#signal('SIGKILL')
        const settle = () => done({ code, signal })
        this.#process.once('close', settle)
        setTimeout(settle, 500).unref()
      })
    })
    void this.#closed.then(() => (this.isGood = false))
  }

  async run(attempt: Attempt): Promise<StageResult> {
    const mark = `\u0000hone ${randomUUID()}`
    const marks = [this.#streams.stdout.until(mark, t => attempt.onOutput('stdout', t)), this.#streams.stderr.until(mark, t => attempt.onOutput('stderr', t))]
    let because: 'timeout' | 'cancel' | 'kill' | undefined
    const timers: NodeJS.Timeout[] = []
    const after = (ms: number, act: () => void) => void timers.push(setTimeout(act, ms))
    const end = () => {
      this.#signal('SIGTERM')
      after(this.#patience.termMs, () => this.#signal('SIGKILL'))
    }
    const onCancel = () => {
      because ??= 'cancel'
      this.#send({ type: 'cancel' })
      after(this.#patience.cancelMs, end)
    }
    const onKill = () => {
      because = 'kill'
      this.#signal('SIGKILL')
    }
    let onMessage: (message: FromStage) => void = () => {}
    const answered = new Promise<StageResult>(done => {
      onMessage = message => {
        if (message.type === 'event') attempt.onEvent(message.event)
        else {
          if (!message.result.ok || message.rss > largestRss) this.isGood = false
          done(message.result)
        }
      }
    })
    this.#process.on('message', onMessage)
    attempt.cancel.addEventListener('abort', onCancel, { once: true })
    attempt.kill.addEventListener('abort', onKill, { once: true })
    if (attempt.timeoutMs !== undefined)
      after(attempt.timeoutMs, () => {
        because ??= 'timeout'
        end()
      })
    try {
      this.#send({ type: 'run', request: attempt.request, env: attempt.env, mark })
      if (attempt.cancel.aborted) onCancel()
      if (attempt.kill.aborted) onKill()
      const ended = await Promise.race([answered, this.#closed])
      if (because !== undefined || attempt.fresh) this.isGood = false
      if ('ok' in ended) {
        await Promise.race([Promise.all(marks), this.#closed, new Promise(done => after(1000, () => done(undefined)))])
        if (because === 'timeout' && !ended.ok) return timedOut(attempt.timeoutMs!)
        return ended
      }
      this.isGood = false
      if (because === 'timeout') return timedOut(attempt.timeoutMs!)
      if (because !== undefined) return failed({ reason: 'crashed', message: 'was ended by the interrupt', final: true })
      return died(ended.code, ended.signal)
    } finally {
      for (const timer of timers) clearTimeout(timer)
      this.#process.off('message', onMessage)
      attempt.cancel.removeEventListener('abort', onCancel)
      attempt.kill.removeEventListener('abort', onKill)
      this.#streams.stdout.release()
      this.#streams.stderr.release()
      // Nothing of a failed or interrupted attempt may go on writing while the next one runs.
      if (!this.isGood) await this.end()
    }
  }

  /** Ends the process and all that it started: TERM, then KILL. */
  async end(): Promise<void> {
    this.isGood = false
    this.#signal('SIGTERM')
    const timer = setTimeout(() => this.#signal('SIGKILL'), this.#patience.termMs)
    await this.#closed
    clearTimeout(timer)
  }

  #send(message: ToStage): void {
    if (this.#process.connected) this.#process.send(message, () => {})
  }

  #signal(signal: NodeJS.Signals): void {
    const { pid } = this.#process
    if (pid === undefined) return
    try {
      process.kill(-pid, signal)
    } catch {
      // The group is gone already.
    }
  }
}

function died(code: number | null, signal: NodeJS.Signals | null): StageResult {
  if (signal === null) return failed({ reason: 'crashed', message: `its process ended with exit code ${code} before the stage was done`, final: false })
  const hint =
    signal === 'SIGKILL'
      ? 'Somebody ended it, or the system ran out of memory: ask for more with "resources: { memory }", or make the stage smaller.'
      : 'Native code failed; the log of the stage holds what it printed.'
  return failed({ reason: 'crashed', message: `its process was ended by ${signal}`, hint, final: false })
}
