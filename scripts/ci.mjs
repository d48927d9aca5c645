// What CI runs: `npm test`, the packages as plain npm installs them, other Nodes, the quickstart twice (the second time nothing may run), and the sum of it all.
import { spawn, spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { root } from './prepare.mjs'
import { tellSkips, toldSkips } from './skips.mjs'

const npm = process.platform === 'win32' ? 'npm.cmd' : 'npm'

/** Runs a command, shows what it prints, and answers its exit code, its output and how long it took. */
function shown(command, args, options = {}) {
  console.log(`\n$ ${[command, ...args].join(' ')}`)
  const started = performance.now()
  return new Promise(done => {
    const child = spawn(command, args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'], shell: process.platform === 'win32', ...options })
    let text = ''
    for (const stream of [child.stdout, child.stderr]) stream.on('data', d => ((text += d), process.stdout.write(d)))
    child.on('close', code => done({ code, text, seconds: (performance.now() - started) / 1000 }))
  })
}

const counts = { passed: 0, failed: 0, skipped: 0 }
/** What commands said of tests that they skipped, and what is skipped here. */
const told = []
const skips = []
function check(what, holds, detail = '') {
  counts[holds ? 'passed' : 'failed']++
  console.log(`${holds ? 'ok  ' : 'FAIL'} ${what}${detail ? `: ${detail}` : ''}`)
}

/** Runs a script of package.json that ends with its count, which is added to the sum. */
async function counted(...args) {
  const { code, text, seconds } = await shown(npm, args)
  const last = /^(\d+) passed, (\d+) failed(?:, (\d+) skipped)?$/.exec(text.trimEnd().split('\n').at(-1) ?? '')
  if (last) for (const [i, name] of ['passed', 'failed', 'skipped'].entries()) counts[name] += Number(last[i + 1] ?? 0)
  told.push(...toldSkips(text))
  check(`npm ${args.join(' ')} ends with its count and exits 0`, last !== null && code === 0, `exit ${code}, ${seconds.toFixed(0)} s`)
}
await counted('test')
await counted('run', 'test:packed')
await counted('run', 'test:nodes')

const examples = await shown(process.execPath, [join(root, 'scripts/run-tests.mjs'), 'tests/examples'], { env: { ...process.env, HONE_ALL_EXAMPLES: '1' } })
check('the examples that take longer, each twice', examples.code === 0, `exit ${examples.code}, ${examples.seconds.toFixed(0)} s`)
if (spawnSync('python3', ['-c', 'import torch, transformers, peft']).status === 0) {
  for (const time of ['once', 'again']) {
    const own = await shown(process.execPath, [join(root, 'node_modules/hone-cli/bin/hone.js'), 'run', 'examples/bring-your-own-trainer/pipeline.yaml'])
    check(`a trainer of one's own, ${time}`, own.code === 0 && (time === 'once' || own.text.includes('succeeded: 6 hit')), `exit ${own.code}, ${own.seconds.toFixed(0)} s`)
  }
} else {
  skips.push({ file: 'scripts/ci.mjs', test: "a trainer of one's own, once and again", reason: 'there is no Python here with torch, transformers and peft' })
}

// The same ones each time; `npm run soak` without a seed draws others and prints it.
for (const [pipelines, through] of [[40, 'process'], [4, 'command']]) {
  const soak = await shown(npm, ['run', 'soak', '--', '--seed', '8', '--pipelines', String(pipelines), '--through', through])
  check(`${pipelines} random pipelines, by the ${through}`, soak.code === 0, `exit ${soak.code}, ${soak.seconds.toFixed(0)} s`)
}

const first = await shown(npm, ['start'])
check('npm start runs the quickstart', first.code === 0, `exit ${first.code}, ${first.seconds.toFixed(0)} s`)
const again = await shown(process.execPath, [join(root, 'node_modules/hone-cli/bin/hone.js'), 'run', 'pipelines/quickstart.yaml', '--json'])
const finished = again.text.split('\n').filter(l => l.startsWith('{')).map(l => JSON.parse(l)).findLast(e => e.type === 'run-finished')
const statuses = Object.values(finished?.stages ?? {})
check('run again, every stage is a hit', again.code === 0 && statuses.length > 0 && statuses.every(s => s === 'hit'), statuses.join(' '))
const second = await shown(npm, ['start'])
check('npm start again', second.code === 0, `${second.seconds.toFixed(1)} s`)

// Above the last line, though some were told long before.
for (const line of told) console.log(line)
counts.failed += tellSkips(skips)
counts.skipped += skips.length
console.log(`${counts.passed} passed, ${counts.failed} failed${counts.skipped ? `, ${counts.skipped} skipped` : ''}`)
process.exit(counts.failed > 0 ? 1 : 0)
