#!/usr/bin/env node
// CommonJS, as all that it loads: Node's loader of ECMAScript modules takes 3 ms to start.
const { readFileSync } = require('node:fs')
const { join } = require('node:path')

// Asked for by scripts and editors again and again: it loads nothing.
if (process.argv.length === 3 && (process.argv[2] === '--version' || process.argv[2] === '-V')) {
  process.stdout.write(`${JSON.parse(readFileSync(join(__dirname, '../package.json'), 'utf8')).version}\n`)
} else {
  // Optimizing code in the background would cost a short command a third of its time, and most of what a plan makes lives until its end, so that
  // a small nursery would copy it again and again; marking it in the background, a little at a time, would be for nothing. What was compiled is kept
  // (below), and so not to be forgotten before. Stages run in processes of their own, which keep the defaults. A flag that V8 does not know is told
  // on stderr: so only where each was tried.
  const major = Number.parseInt(process.versions.node, 10)
  if ([20, 22, 24].includes(major)) {
    const v8 = require('node:v8')
    if (major === 20) v8.setFlagsFromString('--interrupt-budget=600000')
    for (const flag of ['--min-semi-space-size=16', '--semi-space-growth-factor=8', '--no-flush-bytecode', '--no-incremental-marking']) v8.setFlagsFromString(flag)
  }
  // Node 22 and later keep what was compiled; before, hone does.
  require('node:module').enableCompileCache?.()
  const { keepFor, loadCompiled } = require('hone-engine/load-compiled')
  keepFor(process.argv[2] ?? '')
  loadCompiled(join(__dirname, '../dist/main.cjs'))
}
