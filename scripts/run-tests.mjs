// Runs every *.test.ts of the workspace with uvu, each in a process of its own, and adds up what they say.
// node scripts/run-tests.mjs [PATH PART …]: only files whose path holds one of the parts.
import { spawn } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { createRequire } from 'node:module'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { root } from './prepare.mjs'
import { tellSkips } from './skips.mjs'

const tsx = pathToFileURL(createRequire(join(root, 'package.json')).resolve('tsx')).href
const parts = process.argv.slice(2)

function* testFiles(dir) {
  for (const entry of readdirSync(join(root, dir), { withFileTypes: true })) {
    if (entry.name === 'node_modules' || entry.name === 'dist' || entry.name === 'fixtures' || entry.name.startsWith('.')) continue
    const path = `${dir}/${entry.name}`
    if (entry.isDirectory()) yield* testFiles(path)
    else if (entry.name.endsWith('.test.ts')) yield path
  }
}

const all = [...testFiles('packages'), ...testFiles('tests')].sort()
const files = parts.length ? all.filter(f => parts.some(p => f.includes(p))) : all
if (files.length === 0) {
  console.error(`No test file matches ${parts.join(', ')}.`)
  process.exit(1)
}

// What `npm test` checked before (types, lint) counts too, so that the last line tells the whole.
const totals = { passed: 0, failed: Number(process.env.HONE_CHECKS_FAILED ?? 0), skipped: 0 }
const skips = []
const broken = []

/** One file. uvu exits 0 on a file that never calls `test.run()`, so a file that ran no test counts as failed. */
function run(file) {
  return new Promise(done => {
    const started = performance.now()
    const child = spawn(process.execPath, ['--import', tsx, '--conditions=hone-source', '--enable-source-maps', file], {
      cwd: root,
      env: { ...process.env, NODE_ENV: 'test', FORCE_COLOR: '0', NO_COLOR: '1' },
    })
    let text = ''
    child.stdout.on('data', d => (text += d))
    child.stderr.on('data', d => (text += d))
    child.on('close', code => {
      const count = name => [...text.matchAll(new RegExp(`^\\s*${name}:\\s+(\\d+)`, 'gm'))].reduce((n, m) => n + Number(m[1]), 0)
      const total = count('Total')
      const passed = count('Passed')
      const skippedHere = [...text.matchAll(/(?<![\w"'`])SKIP (.+?): (.+)$/gm)].map(m => ({ file, test: m[1], reason: m[2] }))
      // uvu counts a test that skipped itself as passed, and its line may follow uvu's dots.
      totals.passed += passed - skippedHere.length
      totals.skipped += count('Skipped') + skippedHere.length
      skips.push(...skippedHere)
      const failed = total - passed - count('Skipped')
      const silent = total === 0 || (code !== 0 && failed === 0)
      totals.failed += Math.max(failed, silent ? 1 : 0)
      const seconds = ((performance.now() - started) / 1000).toFixed(1)
      if (failed > 0 || silent) {
        broken.push(file)
        console.log(`FAIL ${file} (${seconds} s)${total === 0 ? ': ran no test' : ''}\n${text}`)
      } else console.log(`ok   ${file} (${passed} in ${seconds} s)`)
      done()
    })
  })
}

const queue = [...files]
await Promise.all(Array.from({ length: Math.max(1, Math.min(2, availableParallelism())) }, async () => {
  for (let file; (file = queue.shift()); ) await run(file)
}))

totals.failed += tellSkips(skips)
if (broken.length) console.log(`failed: ${broken.join(', ')}`)
console.log(`${totals.passed} passed, ${totals.failed} failed, ${totals.skipped} skipped`)
process.exit(totals.failed > 0 ? 1 : 0)
