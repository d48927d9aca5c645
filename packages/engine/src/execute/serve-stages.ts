import { keepNow } from '../plugin/load-compiled.js'
import type { FromStage, ToStage } from './messages.js'
import type { StageResult } from './request.js'
import { failureOf, runStage } from './stage.js'

/** The channel of a process or thread to the executor that started it. */
export interface StagePort {
  send(message: FromStage): void
  listen(onMessage: (message: ToStage) => void): void
  /** Whether anything was printed since it was asked last. Marks that follow nothing would be most of what a short stage in a thread costs. */
  hasPrinted(): boolean
  /** Memory in bytes, by which its host is given up when it has grown too large. */
  rss(): number
  /** Ends the host, after what no stage can go on after. */
  exit(): void
}

/** Runs one stage at a time, as it is told. `fail` ends the one that runs, if one does, before the host is gone. */
export function serveStages(port: StagePort): { fail(failure: (StageResult & { ok: false })['failure']): void } {
  let running: { abort: AbortController; mark: string } | undefined

  function finish(result: StageResult) {
    const mark = running?.mark
    running = undefined
    // Most stages load the same; in the end this is stopped by force.
    keepNow()
    const marked = port.hasPrinted()
    // The parent reads up to these marks, so that no line is counted to the next stage.
    if (marked) {
      for (const stream of [process.stdout, process.stderr]) stream.write(`${mark}\n`)
      // The marks are no stage's.
      port.hasPrinted()
    }
    port.send({ type: 'result', result, rss: port.rss(), marked })
  }

  function die(error: unknown) {
    if (running) finish({ ok: false, failure: failureOf(error) })
    // What was said is read first.
    setTimeout(() => port.exit(), 50)
  }
  process.setSourceMapsEnabled(true)
  process.on('uncaughtException', die)
  process.on('unhandledRejection', die)

  port.listen(async message => {
    if (message.type === 'cancel') {
      running?.abort.abort(new Error('the run was interrupted'))
      return
    }
    for (const name of Object.keys(process.env)) if (!(name in message.env)) delete process.env[name]
    Object.assign(process.env, message.env)
    const mine = { abort: new AbortController(), mark: message.mark }
    running = mine
    const result = await runStage(message.request, event => port.send({ type: 'event', event }), mine.abort.signal)
    // A rejection that nobody handled shows after the microtasks.
    await new Promise(done => setImmediate(done))
    if (running === mine) finish(result)
  })

  return {
    fail(failure) {
      if (running) finish({ ok: false, failure })
    },
  }
}
