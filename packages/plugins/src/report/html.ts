/** Markup that needs no escaping any more. */
export class Markup {
  readonly text: string
  constructor(text: string) {
    this.text = text
  }
  toString(): string {
    return this.text
  }
}

const entities: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' }

/** Text that may stand between tags and in quoted attributes. Control characters that HTML forbids become their pictures. */
export const escapeHtml = (text: string): string =>
  text
    .replace(/[&<>"']/g, c => entities[c]!)
    // eslint-disable-next-line no-control-regex
    .replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f]/g, c => String.fromCodePoint(0x2400 + c.charCodeAt(0)))

type Part = Markup | string | number | undefined | null | false | readonly Part[]

const show = (part: Part): string =>
  part === undefined || part === null || part === false
    ? ''
    : part instanceof Markup
      ? part.text
      : Array.isArray(part)
        ? part.map(show).join('')
        : escapeHtml(String(part))

/** A template whose values are escaped unless they are `Markup` themselves; lists are joined, `undefined`, `null` and `false` left out. */
export const html = (strings: TemplateStringsArray, ...parts: readonly Part[]): Markup =>
  new Markup(strings.reduce((text, string, i) => text + string + (i < parts.length ? show(parts[i]) : ''), ''))

/** Marks text as markup already: an SVG of `chart.ts`, or the result of another renderer. */
export const markup = (text: string): Markup => new Markup(text)
