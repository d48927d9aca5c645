// Computes the code digest of every built-in stage from what was built, into packages/plugins/dist/digests.json, which the engine reads.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const module = pathToFileURL(join(root, 'packages/plugins/dist/index.js'))
const out = fileURLToPath(new URL('./digests.json', module))
rmSync(out, { force: true })

const { builtInPlugin: load, loadRegistry } = await import(pathToFileURL(join(root, 'packages/engine/dist/index.js')))
const { builtInPlugin } = await import(module)
const folder = mkdtempSync(join(tmpdir(), 'hone-digests-'))
try {
  const registry = await loadRegistry({ builtIn: [load(builtInPlugin, module.href)], plugins: [], projectRoot: folder })
  if (!registry.ok) throw new Error(registry.diagnostics.map(d => d.message).join('\n'))
  const digests = {}
  for (const stage of registry.value.stages) {
    const digest = await stage.codeDigest()
    if (!digest) throw new Error(`the code of ${stage.definition.id} cannot be followed, so nothing of it could be cached`)
    digests[stage.definition.id] = digest
  }
  writeFileSync(out, JSON.stringify(digests, null, 1) + '\n')
  console.log(`code of ${Object.keys(digests).length} built-in stages digested`)
} finally {
  rmSync(folder, { recursive: true, force: true })
}
