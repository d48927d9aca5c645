import { Child } from './child.js'
import { sealedEnvironment } from './environment.js'
import { failed, patience, type Attempt, type Executor, type Patience } from './host.js'
import type { StageResult } from './request.js'
import { Thread } from './thread.js'

export interface LocalExecutorOptions {
  readonly cwd: string
  readonly patience?: Patience
}

/** Runs stages on this machine: each in a child process that is used again while its stages succeed, `light` ones in threads. */
export class LocalExecutor implements Executor {
  readonly #options: LocalExecutorOptions
  readonly #idleChildren: Child[] = []
  readonly #idleThreads: Thread[] = []
  readonly #all = new Set<Child | Thread>()

  constructor(options: LocalExecutorOptions) {
    this.#options = options
  }

  async run(attempt: Attempt): Promise<StageResult> {
    const idle: (Child | Thread)[] = attempt.light ? this.#idleThreads : this.#idleChildren
    let host: Child | Thread | undefined
    if (!attempt.fresh) do host = idle.pop()
    while (host && !host.isGood)
    try {
      host ??= attempt.light
        ? new Thread(sealedEnvironment())
        : new Child(attempt.fresh ? attempt.env : sealedEnvironment(), this.#options.cwd, this.#options.patience ?? patience)
    } catch (error) {
      return failed({ reason: 'crashed', message: `no process could be started: ${(error as Error).message}`, final: false })
    }
    this.#all.add(host)
    const result = await host.run(attempt)
    if (host.isGood) idle.push(host)
    else this.#all.delete(host)
    return result
  }

  /** Ends the idle ones; call it when nothing runs. */
  async close(): Promise<void> {
    await Promise.all([...this.#all].map(host => host.end()))
    this.#all.clear()
  }
}
