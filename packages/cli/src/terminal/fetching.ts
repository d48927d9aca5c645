import type { FetchProgress } from 'hone-engine'
import { size } from './format.js'

/** Tells what is fetched before a run starts: on a terminal one line that counts, elsewhere a line at the start and one at the end of each. */
export function fetchDisplay(stream: { readonly isTTY?: boolean; write(text: string): unknown }, now: () => number = Date.now): (progress: FetchProgress) => void {
  let toldAtMs = -Infinity
  return ({ reference, pin, done, total }) => {
    if (total === 0) return
    const isWhole = done >= total
    const isLine = done === 0 || isWhole
    if (!isLine && (!stream.isTTY || now() - toldAtMs < 100)) return
    toldAtMs = now()
    const text = isWhole ? `fetched ${reference} at ${pin.slice(0, 12)}, ${size(total)}` : `fetching ${reference} at ${pin.slice(0, 12)}: ${done === 0 ? '' : `${size(done)} of `}${size(total)}`
    stream.write(stream.isTTY ? `\r\x1b[K${text}${isWhole ? '\n' : ''}` : `${text}\n`)
  }
}
