// The main module of a worker thread: runs one `light` stage at a time, as it is told.
import { parentPort } from 'node:worker_threads'
import type { FromStage, ToStage } from './messages.js'
import { failureOf, runStage } from './stage.js'
import type { StageResult } from './request.js'

const port = parentPort
if (!port) throw new Error('Internal: this module runs in a worker thread')
process.setSourceMapsEnabled(true)

const send = (message: FromStage) => port.postMessage(message)
let running: { abort: AbortController; mark: string } | undefined

function finish(result: StageResult) {
  process.stdout.write(`${running?.mark}\n`)
  process.stderr.write(`${running?.mark}\n`)
  running = undefined
  send({ type: 'result', result, rss: 0 })
}

function die(error: unknown) {
  if (running) finish({ ok: false, failure: failureOf(error) })
}
process.on('uncaughtException', die)
process.on('unhandledRejection', die)

port.on('message', async (message: ToStage) => {
  if (message.type === 'cancel') {
    running?.abort.abort(new Error('the run was interrupted'))
    return
  }
  for (const name of Object.keys(process.env)) if (!(name in message.env)) delete process.env[name]
  Object.assign(process.env, message.env)
  const mine = { abort: new AbortController(), mark: message.mark }
  running = mine
  const result = await runStage(message.request, event => send({ type: 'event', event }), mine.abort.signal)
  await new Promise(done => setImmediate(done))
  if (running === mine) finish(result)
})
