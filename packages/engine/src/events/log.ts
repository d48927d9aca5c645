import { closeSync, existsSync, mkdirSync, openSync, writeSync } from 'node:fs'
import { open, type FileHandle } from 'node:fs/promises'
import { join } from 'node:path'
import { lines } from '../artifacts/lines.js'
import type { Event } from './event.js'

/** Takes the events of a run, in order. */
export interface EventSink {
  (event: Event): void
}

export interface EventLog {
  readonly file: string
  append(event: Event): void
  close(): void
}

const mostHeld = 1 << 16

/**
 * Appends events to `events.jsonl` in the folder of a run, each written at once, so that a killed run leaves all but the last line whole; hits that
 * follow one another, which cost nothing to find again, in one piece. A full or read-only disk stops the log and not the run; `onError` hears of it once.
 */
export function openEventLog(runDir: string, onError: (error: Error) => void = () => {}): EventLog {
  const file = join(runDir, 'events.jsonl')
  let fd: number | undefined
  const give = (error: unknown) => {
    if (fd !== undefined) closeSync(fd)
    fd = undefined
    onError(error as Error)
  }
  try {
    mkdirSync(runDir, { recursive: true })
    fd = openSync(file, 'a')
  } catch (error) {
    give(error)
  }
  let held = ''
  const write = () => {
    try {
      if (fd !== undefined && held !== '') writeSync(fd, held)
    } catch (error) {
      give(error)
    }
    held = ''
  }
  return {
    file,
    append(event) {
      if (fd === undefined) return
      held += JSON.stringify(event) + '\n'
      if (event.type !== 'stage-finished' || event.status !== 'hit' || held.length > mostHeld) write()
    },
    close() {
      write()
      if (fd !== undefined) closeSync(fd)
      fd = undefined
    },
  }
}

/** The events of a run, oldest first. A last line that a kill tore is left out. None where there is no log. */
export async function* readEvents(runDir: string): AsyncGenerator<Event> {
  const file = join(runDir, 'events.jsonl')
  if (!existsSync(file)) return
  for await (const line of lines(file)) {
    if (line === '') continue
    try {
      yield JSON.parse(line) as Event
    } catch {
      // Torn by a kill; what a later process appended goes on below it.
    }
  }
}

/** The first event of a run and, where the run came to its end, the last, without reading what lies between. */
export async function readEnds(runDir: string): Promise<{ first?: Event; last?: Event }> {
  let handle: FileHandle
  try {
    handle = await open(join(runDir, 'events.jsonl'))
  } catch {
    return {}
  }
  try {
    const { size } = await handle.stat()
    const line = async (from: number, isBefore: boolean): Promise<string | undefined> => {
      for (let length = blockBytes; ; length *= 8) {
        const [start, end] = isBefore ? [Math.max(0, from - length), from] : [from, Math.min(size, from + length)]
        const { buffer } = await handle.read(Buffer.alloc(end - start), 0, end - start, start)
        const at = isBefore ? buffer.lastIndexOf(10) : buffer.indexOf(10)
        if (at >= 0) return (isBefore ? buffer.subarray(at + 1) : buffer.subarray(0, at)).toString('utf8')
        if (isBefore ? start === 0 : end === size) return isBefore ? buffer.toString('utf8') : undefined
      }
    }
    const first = eventOf(await line(0, false))
    // The last byte is the line feed of the last event.
    const last = size > 0 ? eventOf(await line(size - 1, true)) : undefined
    return { ...(first && { first }), ...(last?.type === 'run-finished' && { last }) }
  } finally {
    await handle.close()
  }
}

const blockBytes = 16 << 10

function eventOf(line: string | undefined): Event | undefined {
  try {
    return line === undefined ? undefined : (JSON.parse(line) as Event)
  } catch {
    return undefined
  }
}
