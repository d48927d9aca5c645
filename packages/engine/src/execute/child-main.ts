// The main module of a child process: runs one stage at a time, as it is told over IPC.
import { Worker } from 'node:worker_threads'
import { serveStages } from './serve-stages.js'

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

const exit = process.exit.bind(process)
const stages = serveStages({
  send: message => void process.send?.(message),
  listen: onMessage => void process.on('message', onMessage),
  // Nobody sees what native code prints, and what it starts.
  hasPrinted: () => true,
  rss: () => process.memoryUsage.rss(),
  exit: () => exit(1),
})

process.exit = (code => {
  const error = new Error(`ended its process with process.exit(${code ?? ''})`)
  stages.fail({ reason: 'crashed', message: error.message, final: false, ...(error.stack && { stack: error.stack }) })
  return exit(code)
}) as typeof process.exit
