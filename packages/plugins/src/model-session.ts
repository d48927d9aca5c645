import type { Chat, Generated } from 'hone-lm'

export interface SessionOptions {
  /** A Hugging Face model folder, or a .gguf file. */
  readonly model: string
  readonly adapter?: string | undefined
  /** No chat template: the text is continued as it is. */
  readonly raw?: boolean
  /** The compiled engine unless told. */
  readonly backend?: string | undefined
  readonly threads: number
}

/** What `hone generate` asks for; temperature 0 is greedy. */
export interface GenerateRequest extends SessionOptions {
  readonly prompts: readonly string[]
  /** What stands before each of them in a chat; not beside `raw`. */
  readonly system?: string | undefined
  readonly maxNewTokens: number
  readonly temperature: number
  readonly seed: number
  readonly signal?: AbortSignal
  /** The answer to the first prompt so far. */
  readonly onText?: (text: string) => void
}

const sampling = (temperature: number, seed: number) => (temperature === 0 ? {} : { temperature, seed })
const open = async ({ model, adapter, raw, threads, backend = 'onnx' }: SessionOptions) => {
  const { engineNamed } = await import('./evaluate/open-engine.js')
  const { engine } = await engineNamed(backend, threads)
  return { dir: model, adapterDir: adapter, threads, engine, ...(raw && { template: 'none', anyTemplate: true }) }
}

/** Continues texts with a model. Heavy packages are loaded here, not when the command line starts. */
export async function generateText({ prompts, system, maxNewTokens, temperature, seed, signal, onText, ...session }: GenerateRequest): Promise<Generated> {
  const { loadGenerator } = await import('hone-lm')
  const generator = await loadGenerator({ ...(await open(session)), slots: prompts.length })
  try {
    const before = system === undefined || system === '' ? [] : [{ role: 'system' as const, content: system }]
    const asked = session.raw ? prompts : prompts.map(content => [...before, { role: 'user' as const, content }])
    return await generator.generate(asked, { maxNewTokens, sampling: sampling(temperature, seed), ...(signal && { signal }), ...(onText && { onText: (index, text) => index === 0 && onText(text) }) })
  } finally {
    await generator.dispose()
  }
}

/** Opens a conversation with a model. */
export async function openSession({ system, ...session }: SessionOptions & { system?: string }): Promise<Chat> {
  const { openChat } = await import('hone-lm')
  return openChat({ ...(await open(session)), system })
}

/** A model or an engine that cannot be used: the user's mistake, with what is wrong as the message and perhaps a hint. */
export async function isModelProblem(error: unknown): Promise<boolean> {
  const { CheckpointError, NotFinite, TemplateError, TemplateMismatch } = await import('hone-lm')
  const { EngineUnavailable } = await import('./evaluate/open-engine.js')
  return [CheckpointError, NotFinite, TemplateError, TemplateMismatch, RangeError, EngineUnavailable].some(mistake => error instanceof mistake)
}
