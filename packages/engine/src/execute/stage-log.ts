import { closeSync, mkdirSync, openSync, writeSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { sha256 } from '../artifacts/digest.js'

const tailLines = 20
const mostInEvents = 1 << 20

/** More than this of a name is left to its digest, as file systems end at 255 bytes. */
const longestName = 200

/** Where a run keeps what a node printed: the node's id with what a file name may not hold escaped. */
export function logFile(runDir: string, node: string): string {
  const name = node.replace(/[^\w.[\]=,+-]/g, c => `%${c.codePointAt(0)!.toString(16).padStart(2, '0')}`)
  return join(runDir, `${name.length > longestName ? `${name.slice(0, longestName)}-${sha256(name).slice(0, 16)}` : name}.log`)
}

/** Keeps what a stage prints: all of it in a file, the last lines for a failure's message. Secrets are cut out before. */
export class StageLog {
  readonly file: string
  readonly #redact: (text: string) => string
  readonly #tail: string[] = []
  #fd: number | undefined
  #isBroken = false
  #inEvents = 0

  constructor(file: string, redact: (text: string) => string) {
    this.file = file
    this.#redact = redact
  }

  /** Answers the text without secrets, or undefined when events hold enough of this stage already. */
  write(text: string): string | undefined {
    const clean = this.#redact(text)
    // A call takes only so many arguments.
    this.#tail.push(...clean.replace(/\n$/, '').split('\n').slice(-tailLines))
    this.#tail.splice(0, Math.max(0, this.#tail.length - tailLines))
    this.#append(clean)
    this.#inEvents += clean.length
    return this.#inEvents > mostInEvents ? undefined : clean
  }

  /** Keeps in the file alone what the stage did not print itself: where it threw. */
  note(text: string): void {
    this.#append(this.#redact(text))
  }

  #append(clean: string): void {
    try {
      if (!this.#isBroken) {
        if (this.#fd === undefined) {
          mkdirSync(dirname(this.file), { recursive: true })
          this.#fd = openSync(this.file, 'a')
        }
        writeSync(this.#fd, clean.endsWith('\n') ? clean : `${clean}\n`)
      }
    } catch {
      // A full disk: the stage itself will say so where it matters.
      this.#isBroken = true
    }
  }

  /** For a failure: the last lines and where all of them are; undefined where it printed nothing. */
  get output(): { tail: string; file: string } | undefined {
    return this.#tail.length === 0 ? undefined : { tail: this.#tail.join('\n'), file: this.file }
  }

  close(): void {
    if (this.#fd !== undefined) closeSync(this.#fd)
    this.#fd = undefined
  }
}
