// GPT-2's bytes_to_unicode: printable Latin-1 bytes stand for themselves, the other 68 for the characters from U+0100 on.

const printable = (byte: number): boolean => (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174

/** The character that a byte-level vocabulary writes for each byte. */
export const byteCharacters: readonly string[] = (() => {
  let next = 256
  return Array.from({ length: 256 }, (_, byte) => String.fromCharCode(printable(byte) ? byte : next++))
})()

/** The inverse: the byte of each such character. */
export const characterBytes: ReadonlyMap<string, number> = new Map(byteCharacters.map((c, byte) => [c, byte]))

/** 0xC0, 0xC1 and those from 0xF5 on stand in no UTF-8 text, and some vocabularies leave them out. */
export const occursInUtf8 = (byte: number): boolean => byte !== 0xc0 && byte !== 0xc1 && byte < 0xf5
