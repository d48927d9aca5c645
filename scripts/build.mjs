// Transpiles every packages/*/src to dist with source maps (types are checked by tsc, not here), and digests the code of the built-in stages.
import { cpSync, existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { spawnSync } from 'node:child_process'
import { build } from 'esbuild'

const root = dirname(dirname(fileURLToPath(import.meta.url)))

function* filesBelow(dir) {
  for (const entry of readdirSync(dir, { withFileTypes: true })) {
    const path = join(dir, entry.name)
    if (entry.isDirectory()) yield* filesBelow(path)
    else yield path
  }
}

const started = performance.now()
let count = 0
for (const name of readdirSync(join(root, 'packages'))) {
  const src = join(root, 'packages', name, 'src')
  const dist = join(root, 'packages', name, 'dist')
  if (!existsSync(src)) continue
  rmSync(dist, { recursive: true, force: true })
  const files = [...filesBelow(src)]
  const sources = files.filter(f => f.endsWith('.ts') && !f.endsWith('.d.ts'))
  count += sources.length
  await build({ entryPoints: sources, outdir: dist, outbase: src, format: 'esm', platform: 'node', target: 'node20', sourcemap: true, charset: 'utf8', logLevel: 'warning' })
  for (const file of files.filter(f => !/\.[cm]?ts$/.test(f))) {
    const to = join(dist, file.slice(src.length + 1))
    mkdirSync(dirname(to), { recursive: true })
    cpSync(file, to)
  }
}
console.log(`${count} files transpiled in ${((performance.now() - started) / 1000).toFixed(1)} s`)
const { status } = spawnSync(process.execPath, [join(root, 'scripts/digests.mjs')], { stdio: 'inherit', cwd: root })
process.exit(status ?? 1)
