import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { CheckpointError } from '../checkpoint/checkpoint-error.js'
import { readJsonObject } from '../checkpoint/hugging-face.js'

/** What stands beside a tokenizer.json: the special tokens by role, and the chat template. */
export interface TokenizerConfig {
  readonly bosToken: string | undefined
  readonly eosToken: string | undefined
  readonly padToken: string | undefined
  readonly unkToken: string | undefined
  readonly chatTemplate: { readonly source: string; readonly origin: 'chat_template.jinja' | 'tokenizer_config.json' } | undefined
}

const tokenText = (value: unknown): string | undefined =>
  typeof value === 'string' ? value : typeof value === 'object' && value !== null && 'content' in value ? String(value.content) : undefined

const orUndefined = (path: string) => (error: unknown) => {
  if (error instanceof CheckpointError && error.message === `${path}: is not there`) return undefined
  throw error
}

/** Of several templates in a list the one named `default`. */
function templateText(value: unknown): string | undefined {
  if (typeof value === 'string') return value
  if (!Array.isArray(value)) return undefined
  const named = value as { name?: unknown; template?: unknown }[]
  return tokenText((named.find(t => t.name === 'default') ?? named[0])?.template)
}

type Json = Readonly<Record<string, unknown>>

/** The special tokens by role, of tokenizer_config.json or else of special_tokens_map.json. */
export function specialTokens(config: Json | undefined, map?: Json): Omit<TokenizerConfig, 'chatTemplate'> {
  const token = (role: string) => tokenText(config?.[role]) ?? tokenText(map?.[role])
  return { bosToken: token('bos_token'), eosToken: token('eos_token'), padToken: token('pad_token'), unkToken: token('unk_token') }
}

/** Reads tokenizer_config.json, special_tokens_map.json and chat_template.jinja of a folder, as far as they are there. Throws CheckpointError. */
export async function readTokenizerConfig(dir: string): Promise<TokenizerConfig> {
  const [configPath, mapPath] = [join(dir, 'tokenizer_config.json'), join(dir, 'special_tokens_map.json')]
  const config = await readJsonObject(configPath).catch(orUndefined(configPath))
  const map = await readJsonObject(mapPath).catch(orUndefined(mapPath))
  const jinja = await readFile(join(dir, 'chat_template.jinja'), 'utf8').catch(() => undefined)
  const inConfig = templateText(config?.chat_template)
  return {
    ...specialTokens(config, map),
    chatTemplate: jinja !== undefined ? { source: jinja, origin: 'chat_template.jinja' }
      : inConfig !== undefined ? { source: inConfig, origin: 'tokenizer_config.json' } : undefined,
  }
}
