// Storing, restoring and verifying large outputs: npx tsx benchmarks/engine-store.ts [--mib 2048] [--files 20000] [--at DIR]
// The measures are SHA-256 of the same bytes on one core, from memory, as the store hashes what it keeps, and `store-floor.mjs`, which makes only the calls of the
// system that cannot be spared. Needs eight times the room: nothing is removed before the end, as ext4 makes files more slowly for minutes after many were removed.
import { createHash, randomFillSync } from 'node:crypto'
import { mkdirSync, renameSync, rmSync, writeFileSync, closeSync, openSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { hone, machine, nodeCost, project, root, sitting, type Cost } from './measure.js'

const { values } = parseArgs({ options: { mib: { type: 'string', default: '2048' }, files: { type: 'string', default: '20000' }, at: { type: 'string' } } })
const [mib, files] = [Number(values.mib), Number(values.files)]
const at = sitting(values.at)
const chunk = randomFillSync(Buffer.alloc(1 << 20))

function hashing(): number {
  const started = process.cpuUsage()
  const hash = createHash('sha256')
  for (let i = 0; i < mib; i++) hash.update(chunk)
  hash.digest()
  const { user, system } = process.cpuUsage(started)
  return (user + system) / 1000
}

const rate = (ms: number) => `${Math.round((mib / ms) * 1000)} MiB/s`
const tellOf = (name: string, { cpuMs, wallMs, peakMiB }: Cost, least: number, floor: Cost) =>
  console.log(`${name.padEnd(32)} CPU ${(cpuMs / 1000).toFixed(2)} s, the system's floor ${(floor.cpuMs / 1000).toFixed(2)} s: ${Math.round((least / cpuMs) * 100)} % and ${Math.round((least / floor.cpuMs) * 100)} % of SHA-256's ${rate(least)}, ${Math.round((floor.cpuMs / cpuMs) * 100)} % of the floor's; wall ${(wallMs / 1000).toFixed(2)} s and ${(floor.wallMs / 1000).toFixed(2)} s; ${peakMiB.toFixed(0)} MiB   goal ≥ 80 %`)

const floorOf = (dir: string, what: 'store' | 'store-durably' | 'verify' | 'restore', from: string, to: string): Cost =>
  nodeCost([join(root, 'benchmarks/store-floor.mjs'), what, join(dir, from), join(dir, to)], dir)

/** Stores what lies at `path` as a stage's output is stored, and remembers what was learnt. */
const store = (dir: string, form: string) =>
  `const { openStore } = await import(${JSON.stringify(join(hone, '../../node_modules/hone-engine/dist/index.js'))})
   const store = await openStore({ root: ${JSON.stringify(join(dir, '.hone'))}, projectRoot: ${JSON.stringify(dir)} })
   await store.ingest(${JSON.stringify(join(dir, 'out'))}, 'folder', ${JSON.stringify(form)})
   await store.close()`

function make(path: string, form: 'file' | 'folder'): void {
  if (form === 'file') {
    const fd = openSync(path, 'w')
    for (let i = 0; i < mib; i++) {
      chunk.writeUInt32LE(i)
      writeSync(fd, chunk)
    }
    closeSync(fd)
    return
  }
  const size = Math.floor((mib * 2 ** 20) / files)
  for (let i = 0; i < files; i++) {
    chunk.writeUInt32LE(i)
    if (i % 1000 === 0) mkdirSync(join(path, String(i / 1000)), { recursive: true })
    writeFileSync(join(path, String(Math.floor(i / 1000)), `${i}.bin`), chunk.subarray(0, size))
  }
}

try {
  console.log(`${machine()}, ${mib} MiB`)
  const least = Math.min(hashing(), hashing())
  console.log(`${'SHA-256 on one core'.padEnd(32)} CPU ${(least / 1000).toFixed(2)} s (${rate(least)})`)
  for (const form of ['file', 'folder'] as const) {
    const title = form === 'file' ? 'one file' : `${files} files`
    const command = form === 'file' ? 'mv out "$HONE_OUTPUT_OUT"' : 'mv out/* "$HONE_OUTPUT_OUT"'
    const dir = project(at, form, { 'pipeline.yaml': `stages:\n  big:\n    uses: command/shell\n    with: { command: '${command}', outputs: { out: ${form} } }\n` })
    const out = (name: string) => make(join(dir, name), form)
    out('floor')
    out('floor-durable')
    const stored = floorOf(dir, 'store', 'floor', 'floor-store')
    const durable = floorOf(dir, 'store-durably', 'floor-durable', 'floor-durable-store')
    out('out')
    tellOf(`storing ${title}`, nodeCost(['--input-type=module', '-e', store(dir, form)], dir), least, stored)
    renameSync(join(dir, '.hone'), join(dir, 'stored'))
    out('out')
    tellOf(`  as a stage's output`, nodeCost([hone, 'run', 'pipeline.yaml'], dir), least, durable)
    tellOf(`verifying ${title}`, nodeCost([hone, 'cache', 'verify'], dir), least, floorOf(dir, 'verify', 'floor-store/tree', 'none'))
    tellOf(`restoring ${title}`, nodeCost([hone, 'artifacts', 'pipeline.yaml', 'big.out', '--out', 'restored'], dir), least, floorOf(dir, 'restore', 'floor-store/tree', 'floor-restored'))
  }
} finally {
  rmSync(at, { recursive: true, force: true })
}
