import { createReadStream } from 'node:fs'

/** The lines of a file, split at \n alone (a \r before it is dropped): readline would also split at U+2028, which may stand inside a JSON string. */
export async function* lines(path: string, signal?: AbortSignal): AsyncGenerator<string> {
  let rest = ''
  for await (const chunk of createReadStream(path, { encoding: 'utf8', highWaterMark: 1 << 18, ...(signal && { signal }) })) {
    const parts = (chunk as string).split('\n')
    parts[0] = rest + parts[0]!
    rest = parts.pop()!
    for (const part of parts) yield part.endsWith('\r') ? part.slice(0, -1) : part
  }
  if (rest !== '') yield rest
}
