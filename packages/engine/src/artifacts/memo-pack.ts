import * as fs from 'node:fs'
import { sha256 } from './digest.js'

/** Where an entry's text lies. */
export interface Place {
  readonly file: string
  readonly offset: number
  readonly bytes: number
  readonly check: string
}

/** `<key> <check> <bytes>\n<text>\n`, with ten digits for the bytes: a header of fixed size. */
const headerBytes = 64 + 1 + 16 + 1 + 10 + 1
const header = /^([0-9a-f]{64}) ([0-9a-f]{16}) (\d{10})\n$/
const checkOf = (text: string | Uint8Array) => sha256(text).slice(0, 16)

/** A file that one process appends to; what a kill tears off at its end is ignored by readers. */
export class Pack {
  readonly #file: string
  readonly #fd: number
  #end = 0

  constructor(file: string) {
    this.#file = file
    this.#fd = fs.openSync(file, 'ax')
  }

  append(key: string, text: string): Place {
    const data = Buffer.from(text)
    const check = checkOf(data)
    const entry = Buffer.concat([Buffer.from(`${key} ${check} ${String(data.length).padStart(10, '0')}\n`), data, Buffer.from('\n')])
    let done = 0
    while (done < entry.length) done += fs.writeSync(this.#fd, entry, done)
    const place = { file: this.#file, offset: this.#end + headerBytes, bytes: data.length, check }
    this.#end += entry.length
    return place
  }

  close(): void {
    fs.closeSync(this.#fd)
  }

  /** The text at a place; undefined when it is not what was written. */
  static read({ file, offset, bytes, check }: Place): string | undefined {
    let fd: number | undefined
    try {
      fd = fs.openSync(file, 'r')
      const data = Buffer.alloc(bytes)
      for (let done = 0; done < bytes; ) {
        const got = fs.readSync(fd, data, done, bytes - done, offset + done)
        if (got === 0) return undefined
        done += got
      }
      return checkOf(data) === check ? data.toString('utf8') : undefined
    } catch {
      return undefined
    } finally {
      if (fd !== undefined) fs.closeSync(fd)
    }
  }
}

const windowBytes = 1 << 18

/** The keys of a pack and where their texts should lie; of a torn last entry `Pack.read` finds that it is not whole. */
export function* scanPack(file: string): Generator<[string, Place]> {
  let fd: number
  try {
    fd = fs.openSync(file, 'r')
  } catch {
    return
  }
  try {
    const { size } = fs.fstatSync(fd)
    const window = Buffer.alloc(windowBytes)
    let [start, filled] = [0, 0]
    for (let at = 0; at + headerBytes <= size; ) {
      if (at < start || at + headerBytes > start + filled) {
        start = at
        filled = fs.readSync(fd, window, 0, windowBytes, at)
        if (filled < headerBytes) return
      }
      const [, key, check, length] = header.exec(window.toString('latin1', at - start, at - start + headerBytes)) ?? []
      if (key === undefined || check === undefined) return
      const bytes = Number(length)
      const offset = at + headerBytes
      at = offset + bytes + 1
      yield [key, { file, offset, bytes, check }]
    }
  } finally {
    fs.closeSync(fd)
  }
}
