// The main module of a child process: runs one stage at a time, as it is told over IPC.
import { Worker } from 'node:worker_threads'
import type { FromStage, ToStage } from './messages.js'
import { failureOf, runStage } from './stage.js'
import type { StageResult } from './request.js'

process.setSourceMapsEnabled(true)

const send = (message: FromStage) => void process.send?.(message)
let running: { abort: AbortController; mark: string } | undefined

// Native code may keep this thread busy for minutes, and then nobody hears the channel close: a thread of its own looks whether the parent lives.
new Worker(
  `const parent = ${process.ppid}
   setInterval(() => { if (process.ppid !== parent) try { process.kill(-${process.pid}, 'SIGKILL') } catch { process.kill(${process.pid}, 'SIGKILL') } }, 500)`,
  { eval: true, execArgv: [], env: {}, stdout: false, stderr: false },
).unref()
process.on('disconnect', () => {
  try {
    process.kill(-process.pid, 'SIGKILL')
  } catch {
    process.exit(1)
  }
})

function finish(result: StageResult) {
  const mark = running?.mark
  running = undefined
  // The parent reads up to these marks, so that no line is counted to the next stage.
  process.stdout.write(`${mark}\n`)
  process.stderr.write(`${mark}\n`)
  send({ type: 'result', result, rss: process.memoryUsage.rss() })
}

/** What no stage can go on after: it fails, and this process is replaced. */
function die(error: unknown) {
  if (running) finish({ ok: false, failure: failureOf(error) })
  setTimeout(() => exit(1), 50)
}
process.on('uncaughtException', die)
process.on('unhandledRejection', die)

const exit = process.exit.bind(process)
process.exit = (code => {
  if (running) {
    const error = new Error(`ended its process with process.exit(${code ?? ''})`)
    finish({ ok: false, failure: { reason: 'crashed', message: error.message, final: false, ...(error.stack && { stack: error.stack }) } })
  }
  return exit(code)
}) as typeof process.exit

process.on('message', async (message: ToStage) => {
  if (message.type === 'cancel') {
    running?.abort.abort(new Error('the run was interrupted'))
    return
  }
  for (const name of Object.keys(process.env)) if (!(name in message.env)) delete process.env[name]
  Object.assign(process.env, message.env)
  const mine = { abort: new AbortController(), mark: message.mark }
  running = mine
  const result = await runStage(message.request, event => send({ type: 'event', event }), mine.abort.signal)
  // A rejection that nobody handled shows after the microtasks.
  await new Promise(done => setImmediate(done))
  if (running === mine) finish(result)
})
