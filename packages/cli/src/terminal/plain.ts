import { advance, type RunState } from 'hone-engine'
import { duration } from './format.js'
import type { Display } from './live.js'
import { progressLine } from './stage-progress.js'
import { messageLines } from './summary.js'

/** More hits in a row than so many are one line. */
const mostHits = 20

/** How long a running stage is silent between two lines: a log of hours is no longer than need be, and none stands still for CI's own limits. */
const pauseMs = (runningMs: number) => (runningMs < 60_000 ? 10_000 : runningMs < 600_000 ? 30_000 : 60_000)

/** Lines for logs and pipes: the start and end of each stage, and every so often (whoever makes it calls `tick` each second) how far a running one is. */
export function plainDisplay(print: (line: string) => void, now: () => number, state: RunState): Display & { tick(): void } {
  const started = new Map<string, number>()
  const lastLine = new Map<string, number>()
  let hits: string[] = []
  const tellHits = () => {
    if (hits.length > mostHits) print(`${hits[0]} … ${hits.at(-1)}: ${hits.length} hits`)
    else if (hits.length > 0) print(hits.map(stage => `${stage}: hit`).join('\n'))
    hits = []
  }
  const write = (line: string) => {
    tellHits()
    print(line)
  }
  return {
    state,
    say: write,
    tick() {
      for (const [name, since] of started) {
        const stage = state.stages.get(name)
        if (stage?.status !== 'running' || now() - lastLine.get(name)! < pauseMs(now() - since)) continue
        lastLine.set(name, now())
        write(`${name}: ${progressLine(stage, now())}`)
      }
    },
    event(event) {
      advance(state, event)
      switch (event.type) {
        case 'stage-started':
          started.set(event.stage, now())
          lastLine.set(event.stage, now())
          write(`${event.stage}: ${event.uses} starts${event.attempt > 1 ? ` (attempt ${event.attempt})` : ''}${event.because.length ? `: ${event.because[0]}` : ''}`)
          break
        case 'stage-waiting':
          write(`${event.stage}: waits for ${event.for}`)
          break
        case 'stage-retry':
          write(`${event.stage}: ${messageLines(event.failure)[0]}; tries again in ${duration(event.delayMs)}`)
          break
        case 'stage-finished':
          started.delete(event.stage)
          // Why it ran is no reason for its end.
          if (event.status === 'cancelled' && state.stages.get(event.stage)!.attempt > 0) write(`${event.stage}: cancelled`)
          else if (event.status === 'hit') hits.push(event.stage)
          else if (event.status === 'ran') write(`${event.stage}: ran in ${duration(event.durationMs)}`)
          else if (event.failure) write(`${event.stage}: failed: ${messageLines(event.failure)[0]}`)
          else write(`${event.stage}: ${event.status}${event.because.length ? ` (${event.because[0]})` : ''}`)
          break
        case 'log':
          write(`${event.stage}: ${event.level === 'info' ? '' : `${event.level}: `}${event.message}`)
          break
        case 'nondeterministic':
          write(`${event.stage}: warning: ${event.port} came out with other bytes than before`)
          break
        case 'run-finished':
          tellHits()
          break
        default:
      }
    },
    stop: tellHits,
  }
}
