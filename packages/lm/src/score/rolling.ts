import type { SequenceToScore } from './scorer.js'

/**
 * Windows that feed a model at most `window` tokens and together score each token of a document once, but the first: it only
 * begins the context (put a prefix before the document to have its first token scored too). A window is its fed tokens and the
 * one after them. Each but the first scores as many tokens as it feeds, the last, with fewer left, has more context: these are
 * lm-evaluation-harness's rolling windows with a context of one. None for fewer than two tokens.
 */
export function rollingWindows(ids: readonly number[], window: number): SequenceToScore[] {
  const windows: SequenceToScore[] = []
  for (let next = 1; next < ids.length; ) {
    const end = Math.min(ids.length, next + window)
    const begin = Math.max(0, end - window - 1)
    windows.push({ ids: ids.slice(begin, end), from: next - begin })
    next = end
  }
  return windows
}
