import type { Message } from '../text/types.js'
import { makeGenerator, type Answer, type Generated, type GenerateOptions } from './generator.js'
import { openLanguageModel, type LanguageModel, type OpenOptions } from './language-model.js'
import type { ComputeOptions } from './llama-decoder.js'

export interface ChatOptions extends Partial<Omit<GenerateOptions, 'streams' | 'onProgress'>> {
  readonly onText?: (index: number, text: string) => void
}

/** A conversation with a model, one answer at a time. */
export interface Chat {
  readonly model: LanguageModel
  readonly messages: readonly Message[]
  /** Says something and answers what the model says to it. Where it fails or is aborted the conversation is as before. */
  send(content: string, options?: ChatOptions): Promise<Answer & Pick<Generated, 'tokens' | 'tokensPerSecond'>>
  /** Forgets everything but the system message. */
  clear(): void
  dispose(): Promise<void>
}

/** Room for a conversation of some length before anything is compiled again. */
const CAPACITY = 1024

export async function openChat({ system, ...options }: OpenOptions & ComputeOptions & { system?: string | undefined }): Promise<Chat> {
  const model = await openLanguageModel(options)
  const generator = await makeGenerator(model, { engine: options.engine, threads: options.threads, slots: 1, minCapacity: Math.min(CAPACITY, model.config.maxPositions) })
  const start = (): Message[] => (system === undefined || system === '' ? [] : [{ role: 'system', content: system }])
  let messages = start()
  return {
    model,
    get messages() {
      return messages
    },
    async send(content, { maxNewTokens = 512, ...settings } = {}) {
      const asked: Message[] = [...messages, { role: 'user', content }]
      const { answers, tokens, tokensPerSecond } = await generator.generate([asked], { ...settings, maxNewTokens, streams: [asked.length] })
      const answer = answers[0]!
      messages = [...asked, { role: 'assistant', content: answer.text }]
      return { ...answer, tokens, tokensPerSecond }
    },
    clear() {
      messages = start()
    },
    dispose: () => generator.dispose(),
  }
}
