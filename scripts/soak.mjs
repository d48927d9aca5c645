// npm run soak: bundles tests/soak and runs it on the built packages, as users run them.
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { build as bundle } from 'esbuild'
import { build, root } from './prepare.mjs'

build()
const outfile = join(root, 'node_modules/.cache/hone-soak.mjs')
await bundle({
  entryPoints: [join(root, 'tests/soak/soak.ts')],
  outfile,
  bundle: true,
  format: 'esm',
  platform: 'node',
  sourcemap: true,
  target: 'node20',
  external: ['hone-*', 'fast-check'],
  // The rig finds the project from where it lies.
  define: { 'import.meta.url': JSON.stringify(pathToFileURL(join(root, 'tests/rig.ts')).href) },
})
process.setSourceMapsEnabled(true)
await import(pathToFileURL(outfile).href)
