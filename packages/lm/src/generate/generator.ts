import type { Message } from '../text/types.js'
import { answerText } from './answer-text.js'
import { decodeRows, type EndReason, type RowToDecode } from './batched.js'
import { byBucket, lengthBucket } from './buckets.js'
import type { Decoder } from './decoder.js'
import { encodePrompt, openLanguageModel, readWeights, type LanguageModel, type OpenOptions } from './language-model.js'
import { llamaDecoder, promptReader, type ComputeOptions } from './llama-decoder.js'
import { chooseToken, greedy, type Sampling } from './sampling.js'

export interface GenerateOptions {
  readonly maxNewTokens: number
  /** Greedy where nothing is said. */
  readonly sampling?: Partial<Sampling>
  /** An answer ends before the first of these. */
  readonly stop?: readonly string[]
  /** What tells a prompt's draws from those of others under the same seed; by default its place. */
  readonly streams?: readonly number[]
  readonly signal?: AbortSignal
  /** The text of a prompt's answer so far, whenever more of it is settled. */
  readonly onText?: (index: number, text: string) => void
  /** How many prompts are answered. */
  readonly onProgress?: (done: number) => void
}

export interface Answer {
  readonly text: string
  /** Its tokens, without the one that ended it. */
  readonly ids: readonly number[]
  readonly reason: EndReason
}

export interface Generated {
  /** In the order of the prompts. */
  readonly answers: readonly Answer[]
  /** New tokens of all answers, those that ended them included. */
  readonly tokens: number
  /** Over reading the prompts and decoding, without loading the model. */
  readonly tokensPerSecond: number
}

/** A prompt as text that a template rendered, or as messages for the model's template. */
export type Prompt = string | readonly Message[]

export interface Generator {
  readonly model: LanguageModel
  /**
   * Throws RangeError where a prompt leaves no room in the model's context. What one prompt is answered does not depend on the
   * others.
   */
  generate(prompts: readonly Prompt[], options: GenerateOptions): Promise<Generated>
  dispose(): Promise<void>
}

export interface GeneratorOptions extends ComputeOptions {
  /** Rows that are decoded together; part of what decides the last bits of the numbers. */
  readonly slots: number
  /** Room for at least so many tokens, so that longer prompts need not be compiled for. */
  readonly minCapacity?: number
}

/** Reads the weights of a model and generates with it. */
export async function makeGenerator(model: LanguageModel, { slots, minCapacity = 0, ...compute }: GeneratorOptions): Promise<Generator> {
  const { config, tokenizer, template } = model
  const weights = await readWeights(model)
  const reader = promptReader(config, weights, slots, compute)
  let decoder: Decoder | undefined

  // One at a time: each has the weights in a layout of its own.
  const decoderFor = async (capacity: number): Promise<Decoder> => {
    if (decoder?.capacity === capacity) return decoder
    await decoder?.dispose()
    return (decoder = await llamaDecoder(config, weights, { slots, capacity }, reader, compute))
  }

  return {
    model,
    async generate(prompts, { maxNewTokens, sampling: given, stop, streams, signal, onText, onProgress }) {
      const sampling = { ...greedy, ...given }
      const texts = prompts.map((prompt, index) => {
        const ids = encodePrompt(model, typeof prompt === 'string' ? prompt : template.render(prompt, { addGenerationPrompt: true }))
        const room = config.maxPositions - ids.length
        if (ids.length === 0) throw new RangeError(`Prompt ${index + 1} is empty`)
        if (room < 1) throw new RangeError(`Prompt ${index + 1} has ${ids.length} tokens; the model's context is ${config.maxPositions}`)
        const answer = answerText(tokenizer, stop)
        let shown = ''
        const row: RowToDecode = {
          ids,
          maxNewTokens: Math.min(maxNewTokens, room),
          choose: (logits, step) => chooseToken(logits, sampling, streams?.[index] ?? index, step),
          accept(id) {
            const stopped = answer.push(id)
            const settled = onText && answer.text(true)
            if (settled !== undefined && settled !== shown) onText?.(index, (shown = settled))
            return stopped
          },
        }
        return { row, answer }
      })
      const answers: Answer[] = []
      let [tokens, seconds, done] = [0, 0, 0]
      for (const [capacity, members] of byBucket(texts, ({ row }) => lengthBucket(Math.max(minCapacity, row.ids.length + row.maxNewTokens)))) {
        const fitting = await decoderFor(capacity)
        const started = performance.now()
        const decoded = await decodeRows(fitting, members.map(i => texts[i]!.row), {
          isEnd: id => model.endIds.has(id),
          ...(signal && { signal }),
          onRow: () => onProgress?.(++done),
        })
        seconds += (performance.now() - started) / 1000
        for (const [at, i] of members.entries()) {
          const { ids, reason } = decoded[at]!
          answers[i] = { text: texts[i]!.answer.text(), ids, reason }
          tokens += ids.length + (reason === 'eos' ? 1 : 0)
        }
      }
      return { answers, tokens, tokensPerSecond: seconds > 0 ? tokens / seconds : 0 }
    },
    async dispose() {
      await decoder?.dispose()
      await reader.dispose()
      weights.clear()
    },
  }
}

/** Opens a model folder and makes a generator of it. */
export const loadGenerator = async (options: OpenOptions & GeneratorOptions): Promise<Generator> => makeGenerator(await openLanguageModel(options), options)
