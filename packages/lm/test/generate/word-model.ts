import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const goldens = fileURLToPath(new URL('../../../../tests/golden/', import.meta.url))

// Of equal length, so that the special token is the beginning of no other.
const word = (id: number): string => `t${String(id).padStart(2, '0')}`

export const words = (ids: readonly number[]): string => ids.map(word).join(' ')

export const goldenPath = (name: string): string => join(goldens, name)

/**
 * A copy of a tiny golden model with a tokenizer whose words are its ids, so that text can be told from tokens by eye: `t03 t14`. The
 * special token `t02` ends a text. A conversation is `t90 question t91 answer t02`, or any other template.
 */
export async function wordModel(name: string, files: { template?: string; hone?: object } = {}): Promise<{ dir: string; remove(): Promise<void> }> {
  const dir = await mkdtemp(join(tmpdir(), 'hone-model-'))
  await cp(join(goldens, name), dir, { recursive: true })
  const vocab = Object.fromEntries(Array.from({ length: 97 }, (_, id) => [word(id), id]))
  const special = { special: true, single_word: false, lstrip: false, rstrip: false, normalized: false }
  await writeFile(join(dir, 'tokenizer.json'), JSON.stringify({
    version: '1.0', truncation: null, padding: null, added_tokens: [{ id: 2, content: 't02', ...special }],
    normalizer: null, pre_tokenizer: { type: 'WhitespaceSplit' }, post_processor: null, decoder: null,
    model: { type: 'WordLevel', vocab, unk_token: 't00' },
  }))
  const template = files.template ?? "{% for m in messages %}{{ 't91 ' if m.role == 'assistant' else 't90 ' }}{{ m.content + ' ' }}{% if m.role == 'assistant' %}t02 {% endif %}{% endfor %}{% if add_generation_prompt %}t91{% endif %}"
  await writeFile(join(dir, 'tokenizer_config.json'), JSON.stringify({ tokenizer_class: 'PreTrainedTokenizerFast', eos_token: 't02', chat_template: template }))
  if (files.hone) await writeFile(join(dir, 'hone.json'), JSON.stringify(files.hone))
  return { dir, remove: () => rm(dir, { recursive: true, force: true }) }
}

/** Leaves every weight of a model NaN, as a download that was filled up with bytes of ones has them. */
export async function fillWithNaN(dir: string): Promise<void> {
  const file = join(dir, 'model.safetensors')
  const bytes = await readFile(file)
  await writeFile(file, bytes.fill(0xff, 8 + Number(bytes.readBigUInt64LE(0))))
}
