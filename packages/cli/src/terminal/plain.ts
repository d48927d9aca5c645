import { advance, type RunState } from 'hone-engine'
import { duration, number } from './format.js'
import type { Display } from './live.js'
import { pace } from './pace.js'
import { messageLines } from './summary.js'

/** More hits in a row than so many are one line. */
const mostHits = 20

/** Lines for logs and pipes: the start and end of each stage, and how far a long one is, at most every `everyMs`. */
export function plainDisplay(print: (line: string) => void, options: { everyMs: number; now: () => number }, state: RunState): Display {
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
    event(event) {
      advance(state, event)
      switch (event.type) {
        case 'stage-started':
          lastLine.set(event.stage, options.now())
          write(`${event.stage}: ${event.uses} starts${event.attempt > 1 ? ` (attempt ${event.attempt})` : ''}${event.because.length ? `: ${event.because[0]}` : ''}`)
          break
        case 'stage-waiting':
          write(`${event.stage}: waits for ${event.for}`)
          break
        case 'stage-retry':
          write(`${event.stage}: ${messageLines(event.failure)[0]}; tries again in ${duration(event.delayMs)}`)
          break
        case 'stage-finished':
          if (event.status === 'hit') hits.push(event.stage)
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
        case 'progress': {
          const now = options.now()
          if (now - (lastLine.get(event.stage) ?? 0) < options.everyMs) break
          lastLine.set(event.stage, now)
          const stage = state.stages.get(event.stage)
          const { leftMs } = stage?.progress ? pace(stage.progress) : {}
          const loss = stage?.curves.loss?.at(-1)?.value
          write(
            `${event.stage}: ${event.phase ? `${event.phase} ` : ''}${number(event.done)}${event.total === undefined ? '' : `/${number(event.total)}`} ${event.unit}` +
              `${loss === undefined ? '' : `, loss ${number(Number(loss.toPrecision(4)))}`}${leftMs === undefined ? '' : `, ${duration(leftMs)} left`}`,
          )
          break
        }
        case 'run-finished':
          tellHits()
          break
        default:
      }
    },
    stop: tellHits,
  }
}
