// What of storing, verifying and restoring is the system's own: node benchmarks/store-floor.mjs CASE FROM TO
// Each file's bytes are read into one buffer and hashed, and beside that only those calls are made that no store of this kind can spare. One after
// another in one thread, as more threads take no less CPU. engine-store.ts runs it beside hone on files that are alike.
import { createHash } from 'node:crypto'
import * as fs from 'node:fs'
import { dirname, join, relative } from 'node:path'

const [, , what, from, to] = process.argv
// As the engine's own (hash-file.ts): the system copies more slowly to where a large allocation begins.
const buffer = Buffer.alloc((1 << 20) + 64).subarray(64)

function hashOpen(fd) {
  const hash = createHash('sha256')
  for (let n; (n = fs.readSync(fd, buffer)) > 0; ) hash.update(n === buffer.length ? buffer : buffer.subarray(0, n))
  return hash.digest('hex')
}

/** Every file below `path`, or that it is. */
function* filesAt(path) {
  if (!fs.statSync(path).isDirectory()) return yield path
  for (const entry of fs.readdirSync(path, { withFileTypes: true })) {
    if (entry.isDirectory()) yield* filesAt(join(path, entry.name))
    else yield join(path, entry.name)
  }
}

const made = new Set()
function makeFolder(path) {
  if (made.has(path)) return
  fs.mkdirSync(path, { recursive: true })
  made.add(path)
}

function flush(path) {
  const fd = fs.openSync(path)
  fs.fsyncSync(fd)
  fs.closeSync(fd)
}

/** The digest names a second link, what was written stays and becomes read-only, and its stat is kept, as it says later that nothing has changed. */
function store(isDurable) {
  const objects = new Set()
  for (const path of filesAt(from)) {
    const fd = fs.openSync(path)
    const digest = hashOpen(fd)
    const object = join(to, digest.slice(0, 2), digest)
    makeFolder(dirname(object))
    fs.fchmodSync(fd, 0o444)
    fs.linkSync(path, object)
    fs.fstatSync(fd, { bigint: true })
    fs.closeSync(fd)
    objects.add(object)
  }
  fs.renameSync(from, join(to, 'tree'))
  if (!isDurable) return
  for (const object of objects) flush(object)
  for (const dir of new Set([...objects].map(dirname))) flush(dir)
}

function verify() {
  for (const path of filesAt(from)) {
    const fd = fs.openSync(path)
    hashOpen(fd)
    fs.closeSync(fd)
  }
}

function restore() {
  for (const path of filesAt(from)) {
    const copy = join(to, relative(dirname(from), path))
    makeFolder(dirname(copy))
    fs.copyFileSync(path, copy, fs.constants.COPYFILE_FICLONE)
  }
}

makeFolder(to)
if (what === 'store' || what === 'store-durably') store(what === 'store-durably')
else if (what === 'verify') verify()
else if (what === 'restore') restore()
else throw new Error(`${what} is none of store, store-durably, verify, restore`)
