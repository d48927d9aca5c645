// The main module of a worker thread: runs one `light` stage at a time, as it is told.
import { parentPort } from 'node:worker_threads'
import { serveStages } from './serve-stages.js'

const port = parentPort
if (!port) throw new Error('Internal: this module runs in a worker thread')

let hasPrinted = false
for (const stream of [process.stdout, process.stderr]) {
  const write = stream.write.bind(stream) as (...args: unknown[]) => boolean
  stream.write = (...args: unknown[]) => {
    hasPrinted = true
    return write(...args)
  }
}

serveStages({
  send: message => port.postMessage(message),
  listen: onMessage => void port.on('message', onMessage),
  hasPrinted() {
    const had = hasPrinted
    hasPrinted = false
    return had
  },
  // Its memory is that of the whole process.
  rss: () => 0,
  exit: () => process.exit(1),
})
