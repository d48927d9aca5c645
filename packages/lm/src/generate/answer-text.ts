import type { Tokenizer } from '../text/types.js'

/** The text of an answer while it grows, token by token, and where a stop string ends it. */
export interface AnswerText {
  /** Takes the next token. Answers whether a stop string stands in the text now. */
  push(id: number): boolean
  /** The text so far, cut before the stop string. With `settled` without the start of a character, or of a stop string, that is not whole yet. */
  text(settled?: boolean): string
}

/** The whole answer is decoded at each token: what a token adds to the text depends on those before it. */
export function answerText(tokenizer: Pick<Tokenizer, 'decode'>, stop: readonly string[] = []): AnswerText {
  const ids: number[] = []
  let text = ''
  let stopped = false
  return {
    push(id) {
      ids.push(id)
      text = tokenizer.decode(ids, { skipSpecialTokens: true })
      const places = stop.map(s => text.indexOf(s)).filter(at => at >= 0)
      if (places.length > 0) {
        text = text.slice(0, Math.min(...places))
        stopped = true
      }
      return stopped
    },
    text(settled = false) {
      if (!settled || stopped) return text
      const whole = text.replace(/\ufffd+$/, '')
      let end = whole.length
      for (const s of stop) for (let n = Math.min(s.length - 1, whole.length); n > 0; n--) if (whole.endsWith(s.slice(0, n))) end = Math.min(end, whole.length - n)
      return whole.slice(0, end)
    },
  }
}
