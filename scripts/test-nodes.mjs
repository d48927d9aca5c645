// npm run test:nodes: the built program and the tests of what depends on Node, on the oldest that the packages are for and the newest of each major version, out of npm's registry.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { build, install, root } from './prepare.mjs'
import { tellSkips } from './skips.mjs'

/** The oldest that `engines` names, and the newest of each. */
const versions = ['20.10.0', '20.20.2', '22.23.5', '24.22.3', '26.12.1']

const tests = ['tests/any-node.test', 'tests/early-returns.test', 'commands/history.test']

/** The program, kept below node_modules/.cache; undefined where it cannot be had. */
function nodeOf(version) {
  const name = `node-${process.platform === 'win32' ? 'win' : process.platform}-${process.arch}`
  const folder = join(root, 'node_modules/.cache/nodes', version)
  const program = join(folder, 'node_modules', name, 'bin', process.platform === 'win32' ? 'node.exe' : 'node')
  const isThere = () => existsSync(program) && spawnSync(program, ['--version'], { encoding: 'utf8' }).stdout?.trim() === `v${version}`
  if (isThere()) return program
  mkdirSync(folder, { recursive: true })
  spawnSync('npm', ['install', '--prefix', folder, '--no-save', '--ignore-scripts', '--no-audit', '--no-fund', '--fetch-retries', '1', `${name}@${version}`], { stdio: 'ignore', shell: process.platform === 'win32', timeout: 120_000 })
  return isThere() ? program : undefined
}

install()
build()
const counts = { passed: 0, failed: 0, skipped: 0 }
const skips = []
for (const version of versions) {
  const node = version === process.versions.node ? process.execPath : nodeOf(version)
  if (!node) {
    skips.push({ file: 'scripts/test-nodes.mjs', test: `Node ${version}`, reason: "npm's registry, which has the program, is not reached" })
    continue
  }
  const started = performance.now()
  const { stdout, stderr } = spawnSync(node, [join(root, 'scripts/run-tests.mjs'), ...tests], { cwd: root, encoding: 'utf8', env: { ...process.env, HONE_TEST_PROGRAM: 'built', HONE_CHECKS_FAILED: '0' } })
  const last = /^(\d+) passed, (\d+) failed, \d+ skipped$/m.exec(stdout)
  counts.passed += Number(last?.[1] ?? 0)
  counts.failed += Number(last?.[2] ?? 1)
  console.log(`${last?.[2] === '0' ? 'ok  ' : 'FAIL'} Node ${version} (${((performance.now() - started) / 1000).toFixed(1)} s)${last?.[2] === '0' ? '' : `\n${stdout}${stderr}`}`)
}
counts.failed += tellSkips(skips)
counts.skipped = skips.length
console.log(`${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`)
process.exit(counts.failed > 0 ? 1 : 0)
