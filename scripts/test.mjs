// npm test: installs and builds what is not yet, checks types, lints, and runs every test.
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { build, install, root } from './prepare.mjs'

install({ onStart: () => console.log('Installing what pnpm-lock.yaml names …') })
build()
const bin = name => join(root, 'node_modules', '.bin', process.platform === 'win32' ? `${name}.cmd` : name)
let failed = 0
for (const [what, command, args] of [['types', bin('tsc'), ['--noEmit']], ['lint', bin('oxlint'), ['--deny-warnings']]]) {
  const { status } = spawnSync(command, args, { cwd: root, stdio: 'inherit', shell: process.platform === 'win32' })
  console.log(`${status === 0 ? 'ok  ' : 'FAIL'} ${what}`)
  if (status !== 0) failed++
}
const { status } = spawnSync(process.execPath, [join(root, 'scripts/run-tests.mjs'), ...process.argv.slice(2)], {
  cwd: root,
  stdio: 'inherit',
  env: { ...process.env, HONE_CHECKS_FAILED: String(failed) },
})
process.exit(status ?? 1)
