import { closeSync, openSync, readSync } from 'node:fs'
import { defineKind } from 'hone-engine'

/** A kind: what such an artifact is, and what can be told of one by its first bytes, before anything runs. */
export const glossary = defineKind({
  id: 'glossary',
  summary: 'A text file with a line `term: meaning` for each term.',
  form: 'file',
  extension: 'txt',
  check: async path => {
    const [first = ''] = headOf(path).split('\n')
    return /^[^:]+: ./.test(first) ? [] : [{ message: `its first line is ${JSON.stringify(first)}`, hint: 'A line is `term: meaning`.' }]
  },
})

function headOf(path: string): string {
  const file = openSync(path, 'r')
  try {
    const bytes = Buffer.alloc(1000)
    return bytes.toString('utf8', 0, readSync(file, bytes))
  } finally {
    closeSync(file)
  }
}
