import { Worker } from 'node:worker_threads'
import { keptArguments } from '../plugin/load-compiled.js'
import { runsFromSource } from '../plugin/resolve.js'
import { failed, lightCancelMs, type Attempt } from './host.js'
import type { FromStage, ToStage } from './messages.js'
import type { StageResult } from './request.js'
import { StageHost } from './stage-host.js'

// tsx does not follow into worker threads: from sources the thread registers it itself.
const main = runsFromSource
  ? new URL(`data:text/javascript,${encodeURIComponent(`import { register } from ${JSON.stringify(import.meta.resolve('tsx/esm/api'))}; register(); await import(${JSON.stringify(new URL('./worker-main.ts', import.meta.url).href)})`)}`)
  : new URL('./worker-main.cjs', import.meta.url)

/** A worker thread that runs one `light` stage at a time: no process to start, and an endless loop in it can still be ended. */
export class Thread extends StageHost {
  readonly #worker: Worker
  protected readonly pid = undefined
  protected readonly cancelMs = lightCancelMs
  protected readonly gone: Promise<StageResult>

  constructor(env: Readonly<Record<string, string>>) {
    const worker = new Worker(main, { argv: keptArguments(), env: { ...env }, stdout: true, stderr: true })
    super(worker.stdout, worker.stderr)
    this.#worker = worker
    worker.unref()
    let thrown: Error | undefined
    worker.on('error', error => (thrown = error))
    this.gone = new Promise(done => worker.once('exit', code => done(ended(code, thrown))))
    void this.gone.then(() => (this.isGood = false))
  }

  override async run(attempt: Attempt): Promise<StageResult> {
    this.#worker.ref()
    const result = await super.run(attempt)
    if (this.isGood) this.#worker.unref()
    return result
  }

  async end(): Promise<void> {
    this.isGood = false
    await this.#worker.terminate()
  }

  protected send(message: ToStage): void {
    this.#worker.postMessage(message)
  }

  protected listen(onMessage: (message: FromStage) => void): () => void {
    this.#worker.on('message', onMessage)
    return () => this.#worker.off('message', onMessage)
  }

  protected stop(): void {
    this.kill()
  }

  protected kill(): void {
    this.isGood = false
    void this.#worker.terminate()
  }
}

function ended(code: number, thrown: Error | undefined): StageResult {
  if (thrown) return failed({ reason: 'crashed', message: thrown.message, final: false, ...(thrown.stack && { stack: thrown.stack }) })
  return failed({ reason: 'crashed', message: `ended its thread with process.exit(${code})`, final: false })
}
