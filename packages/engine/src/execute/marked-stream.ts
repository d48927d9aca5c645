import type { Readable } from 'node:stream'
import { StringDecoder } from 'node:string_decoder'

/** A line of more characters is handed over in pieces, so that none is searched again and again. */
const mostHeld = 1 << 16

/** Cuts what a process prints into whole lines and hands them to the stage that is running, up to a mark that its end prints. */
export class MarkedStream {
  #rest = ''
  #mark: string | undefined
  #onText: ((text: string) => void) | undefined
  #onMark: (() => void) | undefined

  constructor(stream: Readable) {
    const decoder = new StringDecoder('utf8')
    stream.on('data', (chunk: Buffer) => this.#take(decoder.write(chunk)))
    stream.on('error', () => {})
    stream.on('end', () => this.release())
  }

  /** Hands lines to `onText` from now on; done when the mark came. */
  until(mark: string, onText: (text: string) => void): Promise<void> {
    this.#mark = mark
    this.#onText = onText
    return new Promise(done => (this.#onMark = done))
  }

  /** Hands over what has no end of line. What comes later belongs to nobody. */
  release(): void {
    if (this.#rest !== '') this.#onText?.(this.#rest)
    this.#rest = ''
    this.#onText = undefined
    this.#mark = undefined
    this.#onMark?.()
    this.#onMark = undefined
  }

  #take(text: string): void {
    this.#rest += text
    const at = this.#mark === undefined ? -1 : this.#rest.indexOf(this.#mark)
    if (at >= 0) {
      const after = this.#rest.slice(at + this.#mark!.length + 1)
      this.#rest = this.#rest.slice(0, at)
      this.release()
      this.#rest = after
      return
    }
    const end = this.#rest.lastIndexOf('\n') + 1
    if (end > 0) this.#handOver(end)
    else if (this.#rest.length > mostHeld) this.#handOver(this.#unmarked())
  }

  /** How much of the rest cannot be the first piece of a mark, which begins with its only NUL. */
  #unmarked(): number {
    const at = this.#rest.lastIndexOf('\u0000')
    return at >= 0 && this.#mark?.startsWith(this.#rest.slice(at)) ? at : this.#rest.length
  }

  #handOver(end: number): void {
    this.#onText?.(this.#rest.slice(0, end))
    this.#rest = this.#rest.slice(end)
  }
}
