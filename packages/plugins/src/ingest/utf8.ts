import { isUtf8 } from 'node:buffer'
import { createReadStream } from 'node:fs'

/** Why bytes are no text that can be read, and what to do about it. */
export interface NotText {
  readonly message: string
  readonly hint: string
}

/** Of bytes that are not UTF-8: what they are, as far as their first two tell. */
export function notUtf8(bytes: Uint8Array): NotText {
  const isUtf16 = (bytes[0] === 0xff && bytes[1] === 0xfe) || (bytes[0] === 0xfe && bytes[1] === 0xff)
  if (isUtf16) return { message: 'is text in UTF-16, not in UTF-8', hint: 'Save it as UTF-8, or convert it: iconv -f UTF-16 -t UTF-8 OLD > NEW' }
  return { message: 'is not text in UTF-8', hint: 'Save it as UTF-8, or convert it from what it is in: iconv -f LATIN1 -t UTF-8 OLD > NEW' }
}

/** The text of a file as it is read, without a byte order mark; `wrong` gets the line where it is not UTF-8, and ends the reading. */
export async function* textOf(path: string, wrong: (line: number | undefined, why: NotText) => never): AsyncGenerator<string> {
  const decoder = new TextDecoder('utf-8', { fatal: true })
  let first: Uint8Array | undefined
  try {
    for await (const bytes of createReadStream(path, { highWaterMark: 1 << 18 }) as AsyncIterable<Uint8Array>) {
      first ??= bytes
      yield decoder.decode(bytes, { stream: true })
    }
    yield decoder.decode()
  } catch (e) {
    if ((e as NodeJS.ErrnoException).code !== 'ERR_ENCODING_INVALID_ENCODED_DATA') throw e
    const why = notUtf8(first!)
    wrong(await lineThatIsNot(path), why)
  }
}

async function lineThatIsNot(path: string): Promise<number | undefined> {
  let number = 0
  for await (const line of lines(createReadStream(path, { encoding: 'latin1', highWaterMark: 1 << 18 }))) {
    number++
    if (!isUtf8(Buffer.from(line, 'latin1'))) return number
  }
  return undefined
}

/** Splits at \n and \r\n alone: readline would also split at U+2028, which may stand inside a JSON string. */
export async function* lines(text: AsyncIterable<string>): AsyncGenerator<string> {
  let rest = ''
  for await (const chunk of text) {
    const parts = chunk.split('\n')
    parts[0] = rest + parts[0]!
    rest = parts.pop()!
    for (const part of parts) yield part.endsWith('\r') ? part.slice(0, -1) : part
  }
  if (rest !== '') yield rest
}
