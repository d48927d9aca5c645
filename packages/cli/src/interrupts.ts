/** The first Ctrl-C asks the stages to stop and save, the second ends them at once. `stop` gives the signals back. */
export function interrupts(say: (message: string) => void): { cancel: AbortSignal; kill: AbortSignal; stop: () => void } {
  const cancel = new AbortController()
  const kill = new AbortController()
  const onSignal = () => {
    if (!cancel.signal.aborted) {
      cancel.abort()
      say('Stopping: what runs saves its state. Once more ends it at once.')
    } else kill.abort()
  }
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const
  for (const signal of signals) process.on(signal, onSignal)
  return {
    cancel: cancel.signal,
    kill: kill.signal,
    stop: () => {
      for (const signal of signals) process.off(signal, onSignal)
    },
  }
}
