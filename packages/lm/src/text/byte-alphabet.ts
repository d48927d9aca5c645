// GPT-2's bytes_to_unicode: printable Latin-1 bytes stand for themselves, the other 68 for the characters from U+0100 on.

const printable = (byte: number): boolean => (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174

/** The character that a byte-level vocabulary writes for each byte. */
export const byteCharacters: readonly string[] = (() => {
  let next = 256
  return Array.from({ length: 256 }, (_, byte) => String.fromCharCode(printable(byte) ? byte : next++))
})()

/** The inverse: the byte of each such character. */
export const characterBytes: ReadonlyMap<string, number> = new Map(byteCharacters.map((c, byte) => [c, byte]))

/** Where each UTF-8 byte of a text lies: the [start, end) of its character in UTF-16 units. */
export function utf8Ranges(text: string): { starts: number[]; ends: number[] } {
  const starts: number[] = []
  const ends: number[] = []
  let at = 0
  for (const character of text) {
    const code = character.codePointAt(0)!
    const bytes = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4
    for (let i = 0; i < bytes; i++) {
      starts.push(at)
      ends.push(at + character.length)
    }
    at += character.length
  }
  return { starts, ends }
}
