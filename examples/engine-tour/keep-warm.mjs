// node keep-warm.mjs LEAST ROWS OUT: the rows of at least so many degrees.
import { readFileSync, writeFileSync } from 'node:fs'

const [least, from, to] = process.argv.slice(2)
const lines = readFileSync(from, 'utf8').split('\n').filter(line => line !== '' && Number(JSON.parse(line).celsius) >= Number(least))
writeFileSync(to, lines.map(line => `${line}\n`).join(''))
