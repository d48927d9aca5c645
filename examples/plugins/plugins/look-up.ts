import { resolve } from 'node:path'
import type { CommandContext } from 'hone-engine'
import { readEntries } from './entries.js'

export default async function run({ params, args, projectRoot, fail }: CommandContext<{ file: string }>): Promise<string> {
  const entries = await readEntries(resolve(projectRoot, params.file), line => fail(`${params.file}:${line} is not \`term: meaning\``))
  return args.map(term => `${term}: ${entries.find(e => e.term === term)?.meaning ?? fail(`There is no "${term}" in ${params.file}`, `It has ${entries.map(e => e.term).join(', ')}.`)}`).join('\n')
}
