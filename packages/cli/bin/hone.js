#!/usr/bin/env node
import { readFileSync } from 'node:fs'
import module from 'node:module'
import v8 from 'node:v8'

// Asked for by scripts and editors again and again: it loads nothing.
if (process.argv.length === 3 && (process.argv[2] === '--version' || process.argv[2] === '-V')) {
  process.stdout.write(`${JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')).version}\n`)
} else {
  // Optimizing code in the background would cost a short command a third of its time, and most of what a plan makes lives until its end, so that
  // a small nursery would copy it again and again. Stages run in processes of their own, which keep the defaults. A flag that V8 no longer knows is
  // told on stderr: so only where they were tried.
  if (Number.parseInt(process.versions.node, 10) <= 24) {
    for (const flag of ['--interrupt-budget=600000', '--min-semi-space-size=16', '--semi-space-growth-factor=8']) v8.setFlagsFromString(flag)
  }
  // Node 22 and later keep what was compiled.
  module.enableCompileCache?.()
  await import('../dist/main.js')
}
