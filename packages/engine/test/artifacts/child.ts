import { spawn, type ChildProcess } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const store = fileURLToPath(new URL('../../src/artifacts/store.ts', import.meta.url))
const fixture = fileURLToPath(new URL('./fixture.ts', import.meta.url))

/** Another process with the store of `dir` open: `body` is the inside of an async function with `store`, `recordOf`, `dir`, `fs`, `say`. */
export function inChild(dir: string, body: string): { child: ChildProcess; said: (line: string) => Promise<void>; ended: Promise<string> } {
  const file = join(dir, `child-${Math.random().toString(36).slice(2)}.mts`)
  writeFileSync(
    file,
    `import * as fs from 'node:fs'
import { openStore } from ${JSON.stringify(store)}
import { recordOf } from ${JSON.stringify(fixture)}
const dir = ${JSON.stringify(dir)}
const say = (line: string) => fs.writeSync(1, line + '\\n')
const store = await openStore({ root: dir + '/.hone', projectRoot: dir })
${body}
`,
  )
  const child = spawn(process.execPath, [...process.execArgv, file], { stdio: ['ignore', 'pipe', 'inherit'] })
  let text = ''
  const waiting: (() => void)[] = []
  child.stdout.on('data', (data: Buffer) => {
    text += data.toString()
    for (const look of waiting) look()
  })
  return {
    child,
    said: line =>
      new Promise((done, failed) => {
        const look = () => (`\n${text}`.includes(`\n${line}\n`) ? done() : undefined)
        waiting.push(look)
        child.once('close', () => (look(), failed(new Error(`the child ended without saying ${line}: ${text}`))))
        look()
      }),
    ended: new Promise(done => child.once('close', () => done(text))),
  }
}
