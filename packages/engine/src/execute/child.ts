import { fork, type ChildProcess } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { keptArguments } from '../plugin/load-compiled.js'
import { runsFromSource } from '../plugin/resolve.js'
import { failed, patience, type Patience } from './host.js'
import type { FromStage, ToStage } from './messages.js'
import type { StageResult } from './request.js'
import { StageHost } from './stage-host.js'

const main = fileURLToPath(new URL(`./child-main${runsFromSource ? '.ts' : '.cjs'}`, import.meta.url))
// A debugger's port cannot be shared.
const execArgv = process.execArgv.filter(a => !a.startsWith('--inspect'))

/** A process of its own group that runs one stage at a time. */
export class Child extends StageHost {
  readonly #process: ChildProcess
  readonly #patience: Patience
  protected readonly pid: number | undefined
  protected readonly cancelMs: number
  protected readonly gone: Promise<StageResult>

  constructor(env: Readonly<Record<string, string>>, cwd: string, wait: Patience = patience) {
    const child = fork(main, keptArguments(), { cwd, env: { ...env }, execArgv, detached: true, stdio: ['ignore', 'pipe', 'pipe', 'ipc'], serialization: 'json' })
    super(child.stdout!, child.stderr!)
    this.#process = child
    this.pid = child.pid
    this.#patience = wait
    this.cancelMs = wait.cancelMs
    this.gone = new Promise(done => {
      child.once('error', () => done(died(null, null)))
      child.once('exit', (code, signal) => {
        // What it started and left behind holds its pipes open, and must not go on writing.
        this.kill()
        const settle = () => done(died(code, signal))
        child.once('close', settle)
        setTimeout(settle, 500).unref()
      })
    })
    void this.gone.then(() => (this.isGood = false))
  }

  /** Ends the process and all that it started: TERM, then KILL. */
  async end(): Promise<void> {
    this.isGood = false
    let timer: NodeJS.Timeout | undefined
    this.stop((ms, act) => (timer = setTimeout(act, ms)))
    await this.gone
    clearTimeout(timer)
  }

  protected send(message: ToStage): void {
    if (this.#process.connected) this.#process.send(message, () => {})
  }

  protected listen(onMessage: (message: FromStage) => void): () => void {
    this.#process.on('message', onMessage)
    return () => this.#process.off('message', onMessage)
  }

  protected stop(after: (ms: number, act: () => void) => void): void {
    this.#signal('SIGTERM')
    after(this.#patience.termMs, () => this.kill())
  }

  protected kill(): void {
    this.#signal('SIGKILL')
  }

  #signal(signal: NodeJS.Signals): void {
    if (this.pid === undefined) return
    try {
      process.kill(-this.pid, signal)
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
