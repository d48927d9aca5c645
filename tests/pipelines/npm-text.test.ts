import { mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { runStage } from '../../packages/plugins/test/context.js'
import { npmText } from '../../pipelines/plugins/npm-text.js'
import { firstSentence } from '../../pipelines/plugins/npm-text/compose.js'
import { readDocComments } from '../../pipelines/plugins/npm-text/doc-comments.js'
import { readSynsets } from '../../pipelines/plugins/npm-text/wordnet.js'

const folder = await mkdtemp(join(tmpdir(), 'hone-text-'))
const put = async (name: string, text: string) => {
  await writeFile(join(folder, name), text)
  return join(folder, name)
}
const nouns = `  1 This is a licence line of the database
00001740 05 n 02 wild_cat 0 wildcat 0 001 @ 00001930 n 0000 | any small feline that lives in the wild; "a wildcat hissed at us"; "we saw a wildcat"
00001930 06 n 01 style_sheet 0 000 | a file that says how a web page looks; part of CSS
00002137 00 s 01 quick(a) 0 000 | done in a short time
`
const types = `/**
 * Reads the whole of a file, see {@link open | how to open} it. Then it closes it.
 *
 * \`\`\`js
 * code()
 * \`\`\`
 * <p>Second paragraph with <code>markup</code> in it.</p>
 * @param path Where it lies
 */
export function readFile(path: string): void
export interface Stats {
    /** The size of the file in bytes, as the system tells it. */
    size: number
    /** Sets the colour of an HTML element by CSS rules. */
    color: string
}
`
const held = JSON.stringify({ properties: [{ name: 'x-size', description: 'Says how large the box of an element is in all its parts.' }] })

async function texts(extra = '') {
  const ran = await runStage(npmText, {
    params: { paths: [''], held_out: [''] },
    inputs: { files: [['', await put('data.noun', nouns)], ['', await put('fs.d.ts', types + extra)]], held_out: [['', await put('held.json', held)]] },
  })
  return (await ran.rows('documents')).map(d => d.text as string)
}

test('WordNet gives terms, definition, examples and what sort of thing it is', async () => {
  const [cat, , quick] = await readSynsets(await put('data.noun', nouns))
  assert.equal(cat, { terms: ['wild cat', 'wildcat'], part: 'noun', definition: 'any small feline that lives in the wild', examples: ['a wildcat hissed at us', 'we saw a wildcat'], sort: 'an animal' })
  assert.equal(quick, { terms: ['quick'], part: 'adjective', definition: 'done in a short time', examples: [], sort: undefined })
})

test('documentation comments give prose without code, markup and tags, and what they document', async () => {
  assert.equal((await readDocComments(await put('fs.d.ts', types))).slice(0, 2), [
    { name: 'readFile', kind: 'a function', paragraphs: ['Reads the whole of a file, see how to open it. Then it closes it.', 'Second paragraph with markup in it.'] },
    { name: 'size', kind: 'a property', paragraphs: ['The size of the file in bytes, as the system tells it.'] },
  ])
})

test('what is about CSS or HTML is left out, the rest is kept', async () => {
  const all = (await texts()).join('\n')
  assert.match(all, /any small feline|Any small feline/)
  assert.match(all, /Reads the whole of a file/)
  assert.not.match(all, /style sheet|CSS|HTML/)
})

test('a text like a description of the held-out data is left out', async () => {
  const all = (await texts('/** How large the box of the element is in all its parts. */\nconst large: number\n')).join('\n')
  assert.not.match(all, /large the box/)
})

test('an exchange of the chat is a document of its own, in the format of the model', async () => {
  for (const text of await texts()) {
    if (text.includes('<|im_start|>')) assert.match(text, /^<\|im_start\|>user\n[^<]+<\|im_end\|>\n<\|im_start\|>assistant\n[^<]+<\|im_end\|>\n$/)
  }
})

test('equal files give equal documents', async () => {
  assert.equal(await texts(), await texts())
})

test('the first sentence ends before a capital, not at an abbreviation', () => {
  assert.is(firstSentence('Uses v1.2 e.g. for files. Then more.'), 'Uses v1.2 e.g. for files.')
})

test.run()
