// npm start: installs, builds and runs the quickstart; again, it only finds that nothing changed.
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { spawnSync } from 'node:child_process'
import { pathToFileURL } from 'node:url'
import { build, install, root } from './prepare.mjs'

const started = performance.now()
const out = join(root, 'out/quickstart')
const first = !existsSync(join(root, '.hone'))

console.log('hone fine-tunes a language model from pipelines/quickstart.yaml:')
console.log('  MDN’s descriptions of CSS and HTML → questions → tokens → LoRA → answers of base, tuned and control → error analysis')
if (first) console.log('  The first run takes 2 to 6 minutes on 2 cores, besides the download (about 750 MB on disk); the next one finds everything in its cache.')

install({ onStart: () => console.log('Installing what pnpm-lock.yaml names …') })
build()

const { status, signal } = spawnSync(process.execPath, [join(root, 'packages/cli/bin/hone.js'), 'run', join(root, 'pipelines/quickstart.yaml'), ...process.argv.slice(2)], {
  stdio: 'inherit',
  cwd: root,
})
if (status !== 0) process.exit(status ?? (signal ? 130 : 1))

/** A metrics file that the pipeline publishes, or undefined where it was told not to. */
const metrics = name => {
  const file = join(out, `${name}.json`)
  return existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : undefined
}
/** A share of rows with Wilson's 95% interval, as the report has it; hone-lm's own would have to load what trains. */
function share(m, task) {
  const [p, n] = [m[`${task}/exact_match`], m[`${task}/rows`]]
  if (p === undefined || n === undefined) return '–'
  const z2 = 1.959963984540054 ** 2
  const centre = (p + z2 / (2 * n)) / (1 + z2 / n)
  const half = Math.sqrt(z2 * ((p * (1 - p)) / n + z2 / (4 * n * n))) / (1 + z2 / n)
  const percent = x => (100 * Math.min(1, Math.max(0, x))).toFixed(1)
  return `${percent(p).padStart(5)} % (${percent(centre - half)} to ${percent(centre + half)})`
}
const models = ['base', 'tuned', 'control'].map(name => [name, metrics(name)]).filter(([, m]) => m)
if (models.length) {
  console.log('\nExact match on held-out questions (with its 95% interval)')
  console.log(`  ${''.padEnd(9)}${'kind (what is it?)'.padEnd(24)}name (which one?)`)
  for (const [name, m] of models) console.log(`  ${name.padEnd(9)}${share(m, 'kind').padEnd(24)}${share(m, 'name')}`)
}
console.log(`\nReport: ${pathToFileURL(join(out, 'report.html')).href}`)
console.log(`
Things to try
  npm run real                                                            a real model, SmolLM2-135M, on the questions that this one is too small for
  ./node_modules/.bin/hone run pipelines/quickstart.yaml --set rank=32    only the tuning and what depends on it runs again
  ./node_modules/.bin/hone why pipelines/quickstart.yaml tuned            what changed, component by component
`)
console.log(`${((performance.now() - started) / 1000).toFixed(1)} s`)
