/** Flesch's reading ease of an English text: 121 at most, below 30 hard. Syllables are guessed by groups of vowels. */
export function readingEase(text: string): number {
  const words = text.toLowerCase().match(/[a-z]+/g) ?? ['']
  const sentences = Math.max(1, text.split(/[.!?]+/).filter(part => part.trim() !== '').length)
  const syllables = words.reduce((sum, word) => sum + Math.max(1, word.replace(/e$/, '').match(/[aeiouy]+/g)?.length ?? 0), 0)
  return 206.835 - 1.015 * (words.length / sentences) - 84.6 * (syllables / words.length)
}
