/** What stands under one heading, or before the first. */
export interface Section {
  /** The headings above and its own, outermost first; none before the first heading. */
  readonly headings: readonly string[]
  /** The heading's own id where the file gives one. */
  readonly anchor?: string
  readonly text: string
}

/** A file as sections; `title` is what the file itself says it is called. */
export interface Parsed {
  readonly title?: string
  readonly sections: readonly Section[]
}

/** Collects text under headings as a reader comes by them. */
export class SectionWriter {
  readonly sections: Section[] = []
  readonly #depth: number
  #path: { level: number; text: string }[] = []
  #anchor: string | undefined
  #parts: string[] = []

  /** Headings of a level above `depth` stay in the text; 0 is for one section of everything. */
  constructor(depth: number) {
    this.#depth = depth
  }

  /** Whether the heading began a section. */
  heading(level: number, text: string, anchor?: string): boolean {
    if (level > this.#depth) return false
    this.end()
    this.#path = [...this.#path.filter(h => h.level < level), { level, text }]
    this.#anchor = anchor
    return true
  }

  text(part: string): void {
    if (part !== '') this.#parts.push(part)
  }

  /** Whether what comes next stands at the beginning of a line. */
  get isAtLineStart(): boolean {
    return this.#parts.at(-1)?.endsWith('\n') ?? true
  }

  end(): readonly Section[] {
    const text = this.#parts.join('').replace(/[ \t]+$/gm, '').replace(/\n{3,}/g, '\n\n').trim()
    this.#parts = []
    if (text !== '') this.sections.push({ headings: this.#path.map(h => h.text), ...(this.#anchor === undefined ? {} : { anchor: this.#anchor }), text })
    return this.sections
  }
}

/** GitHub's anchor of a heading. */
export const slug = (heading: string): string => heading.toLowerCase().replace(/[^\p{L}\p{N}\s_-]/gu, '').trim().replace(/\s/g, '-')
