import type { Readable } from 'node:stream'
import { StringDecoder } from 'node:string_decoder'

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
    // A mark may arrive in two pieces: without an end of line nothing of it is handed over.
    if (end > 0) {
      this.#onText?.(this.#rest.slice(0, end))
      this.#rest = this.#rest.slice(end)
    } else if (this.#rest.length > 1 << 16 && !this.#rest.includes('\u0000')) {
      this.#onText?.(this.#rest)
      this.#rest = ''
    }
  }
}
