// The main module of a worker thread: runs one `light` stage at a time, as it is told.
import { parentPort } from 'node:worker_threads'
import { serveStages } from './serve-stages.js'

const port = parentPort
if (!port) throw new Error('Internal: this module runs in a worker thread')

serveStages({
  send: message => port.postMessage(message),
  listen: onMessage => void port.on('message', onMessage),
  // Its memory is that of the whole process.
  rss: () => 0,
  exit: () => process.exit(1),
})
