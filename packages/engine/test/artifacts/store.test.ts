import { chmodSync, existsSync, linkSync, mkdirSync, readFileSync, readdirSync, renameSync, rmSync, statSync, symlinkSync, utimesSync, writeFileSync, cpSync } from 'node:fs'
import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { copyHashing, hashFile } from '../../src/artifacts/hash-file.js'
import { realIo, type StoreIo } from '../../src/artifacts/io.js'
import { openStore } from '../../src/artifacts/store.js'
import type { Digest } from '../../src/artifacts/types.js'
import { StoreError } from '../../src/artifacts/store-error.js'
import { recordOf, withProject } from './fixture.js'

const sha = (text: string | Buffer) => createHash('sha256').update(text).digest('hex')
const is = (name: string, value: string) => [{ name, value }]

/** Counts how often a file's content is read. */
function countingReads(): { io: StoreIo; reads: string[] } {
  const reads: string[] = []
  const fs = {
    ...realIo.fs,
    openSync: ((path: string, ...rest: never[]) => {
      reads.push(String(path))
      return realIo.fs.openSync(path, ...(rest as unknown as ['r']))
    }) as typeof realIo.fs.openSync,
    promises: {
      ...realIo.fs.promises,
      open: ((path: string, ...rest: never[]) => {
        reads.push(String(path))
        return realIo.fs.promises.open(path, ...rest)
      }) as typeof realIo.fs.promises.open,
    },
  }
  return { io: { ...realIo, fs }, reads }
}

async function refusal(act: () => Promise<unknown>): Promise<StoreError> {
  try {
    await act()
  } catch (error) {
    assert.instance(error, StoreError)
    return error as StoreError
  }
  return assert.unreachable('expected a StoreError') as never
}

test('a file moves into the store under its digest, read-only, and is gone from where it was', () =>
  withProject(async ({ open, write }) => {
    const store = await open()
    const path = write('out/a.txt', 'hello')
    const output = await store.ingest(path, 'file', 'file')
    assert.equal(output, { kind: 'file', form: 'file', digest: sha('hello'), bytes: 5 })
    assert.is(readFileSync(store.pathOf(output), 'utf8'), 'hello')
    assert.is(statSync(store.pathOf(output)).mode & 0o222, 0)
    assert.not.ok(existsSync(path))
  }))

test('a large file is hashed in one pass and not again when it is looked up', () =>
  withProject(async ({ open, write }) => {
    const { io, reads } = countingReads()
    const store = await open(io)
    const text = 'x'.repeat(3_000_001)
    const output = await store.ingest(write('big', text), 'file', 'file')
    assert.is(output.digest, sha(text))
    await store.publish(recordOf(is('k', 'v'), { out: output }))
    assert.ok(await store.lookup(recordOf(is('k', 'v'), {}).key))
    assert.ok(await store.verifyUnchanged(output))
    assert.is(reads.filter(p => p.endsWith('big') || p === store.pathOf(output)).length, 1)
  }))

test('a folder opens in place with its real names and shares the bytes of equal files', () =>
  withProject(async ({ dir, open, write }) => {
    const store = await open()
    write('out/config.json', '{}')
    write('out/sub/ä b.txt', 'same')
    const output = await store.ingest(join(dir, 'out'), 'model', 'folder')
    const single = await store.ingest(write('lone', 'same'), 'file', 'file')
    assert.is(readFileSync(join(store.pathOf(output), 'sub/ä b.txt'), 'utf8'), 'same')
    assert.is(statSync(join(store.pathOf(output), 'sub/ä b.txt')).ino, statSync(store.pathOf(single)).ino)
    assert.is(output.bytes, 6)
    assert.equal(await store.entries(output), [
      { path: 'config.json', digest: sha('{}'), bytes: 2 },
      { path: 'sub/ä b.txt', digest: sha('same'), bytes: 4 },
    ])
    assert.not.ok(existsSync(join(dir, 'out')))
    assert.equal(readdirSync(store.at.temporary), [])
  }))

test('equal folders have one digest, whatever the order, the modes, the times or empty folders', () =>
  withProject(async ({ dir, open, write }) => {
    const store = await open()
    write('one/b', '2')
    write('one/a', '1')
    const first = await store.ingest(join(dir, 'one'), 'folder', 'folder')
    write('two/a', '1')
    chmodSync(write('two/b', '2'), 0o755)
    mkdirSync(join(dir, 'two/empty'))
    const second = await store.ingest(join(dir, 'two'), 'folder', 'folder')
    assert.is(first.digest, second.digest)
    write('three/a', '1')
    write('three/c', '2')
    assert.is.not((await store.ingest(join(dir, 'three'), 'folder', 'folder')).digest, first.digest)
  }))

test('the folder of a stage becomes the tree itself, objects that were there before included', () =>
  withProject(async ({ dir, open, write }) => {
    const store = await open()
    const old = (path: string, text: string) => {
      utimesSync(write(path, text), 1e9, 1e9)
      return join(dir, path)
    }
    const before = await store.ingest(old('lone', 'same'), 'file', 'file')
    old('out/sub/a', 'same')
    old('out/sub/b', 'same')
    old('out/c', 'other')
    const folder = statSync(join(dir, 'out/sub')).ino
    const output = await store.ingest(join(dir, 'out'), 'model', 'folder')
    const tree = (path: string) => statSync(join(store.pathOf(output), path))
    assert.is(tree('sub').ino, folder)
    const object = statSync(store.pathOf(before))
    assert.equal([tree('sub/a').ino, tree('sub/b').ino, object.nlink, object.mode & 0o222], [object.ino, object.ino, 3, 0])
    assert.equal([tree('c').nlink, tree('c').mode & 0o222, existsSync(join(dir, 'out'))], [2, 0, false])
    assert.ok(await store.verifyUnchanged(output))
    assert.is(store.objects.isIntactByStat(output), true, 'its own links make nothing uncertain')
  }))

test('empty folders and modes of folders do not reach the tree, whoever stores it first', () =>
  withProject(async ({ dir, open, write }) => {
    for (const [name, spoil] of [
      ['an empty folder', () => mkdirSync(join(dir, 'out/sub/empty'))],
      ['a mode', () => chmodSync(join(dir, 'out/sub'), 0o700)],
    ] as const) {
      const store = await open()
      write('out/sub/a', name)
      spoil()
      const output = await store.ingest(join(dir, 'out'), 'folder', 'folder')
      assert.equal(readdirSync(store.pathOf(output), { recursive: true }).sort(), ['sub', 'sub/a'], name)
      assert.is(statSync(join(store.pathOf(output), 'sub')).mode, statSync(store.at.objects).mode, name)
    }
  }))

test('a file of a folder takes the place of an object that was hurt', () =>
  withProject(async ({ dir, open, write }) => {
    const store = await open()
    const lone = await store.ingest(write('lone', 'text'), 'file', 'file')
    chmodSync(store.pathOf(lone), 0o644)
    writeFileSync(store.pathOf(lone), 'hurt')
    write('out/a', 'text')
    const output = await store.ingest(join(dir, 'out'), 'folder', 'folder')
    assert.is(readFileSync(store.pathOf(lone), 'utf8'), 'text')
    assert.is(statSync(join(store.pathOf(output), 'a')).ino, statSync(store.pathOf(lone)).ino)
  }))

test('a folder whose storing breaks off stays where it is', () =>
  withProject(async ({ dir, open, write }) => {
    for (const name of ['a', 'sub/b', 'z']) write(`out/${name}`, name)
    const { renameSync } = realIo.fs
    const full = (from: string, to: string) => {
      if (to.endsWith('.tree')) throw Object.assign(new Error('ENOSPC'), { code: 'ENOSPC' })
      renameSync(from, to)
    }
    const broken = await open({ ...realIo, fs: { ...realIo.fs, renameSync: full as typeof renameSync } })
    assert.is((await refusal(() => broken.ingest(join(dir, 'out'), 'folder', 'folder'))).reason, 'full')
    assert.equal(readdirSync(join(dir, 'out'), { recursive: true }).sort(), ['a', 'sub', 'sub/b', 'z'])
    const store = await open()
    assert.ok(await store.verifyUnchanged(await store.ingest(join(dir, 'out'), 'folder', 'folder')))
  }))

test('a link to a file inside an output folder becomes a copy; links out, to folders and to nowhere are refused by name', () =>
  withProject(async ({ dir, open, write }) => {
    const store = await open()
    write('in/a', 'text')
    symlinkSync('a', join(dir, 'in/b'))
    const output = await store.ingest(join(dir, 'in'), 'folder', 'folder')
    assert.equal((await store.entries(output)).map(e => [e.path, e.digest]), [['a', sha('text')], ['b', sha('text')]])

    for (const [target, why] of [['../secret', 'out of the folder'], ['sub', 'not lead to a file'], ['nothing', 'nowhere']] as const) {
      write('secret', 's')
      write('bad/sub/x', 'x')
      symlinkSync(target, join(dir, 'bad/link'))
      const error = await refusal(() => store.ingest(join(dir, 'bad'), 'folder', 'folder'))
      assert.is(error.reason, 'output')
      assert.match(error.message, why)
      renameSync(join(dir, 'bad'), join(dir, `bad-${sha(why)}`))
    }
  }))

test('an output that is a hard link to a file of the user is copied, so that the user can go on editing it', () =>
  withProject(async ({ dir, open, write }) => {
    const store = await open()
    const mine = write('mine.txt', 'draft')
    linkSync(mine, join(dir, 'out.txt'))
    const output = await store.ingest(join(dir, 'out.txt'), 'file', 'file')
    writeFileSync(mine, 'final')
    assert.is(readFileSync(store.pathOf(output), 'utf8'), 'draft')
  }))

test('files that are larger or smaller than they were thought to be are hashed and copied to their end', () =>
  withProject(async ({ dir, write }) => {
    for (const length of [0, 5, 6, (1 << 20) - 1, 1 << 20, (1 << 20) + 1, 3_000_001]) {
      const text = 'x'.repeat(length)
      const path = write('grown', text)
      for (const thought of [0, 5, length, 4_000_000]) {
        assert.equal(await hashFile(realIo, path, thought), { digest: sha(text), bytes: length })
        const copy = join(dir, `copy-${length}-${thought}`)
        assert.equal(await copyHashing(realIo, path, copy, thought), { digest: sha(text), bytes: length })
        assert.is(readFileSync(copy, 'utf8'), text)
        rmSync(copy)
      }
    }
  }))

test('large files are hashed beside each other and beside other work, each for its own bytes', () =>
  withProject(async ({ dir }) => {
    const bytes = 48 << 20
    const paths = [1, 2].map(n => join(dir, String(n)))
    for (const [i, path] of paths.entries()) writeFileSync(path, Buffer.alloc(bytes, i))
    let turns = 0
    const other = setInterval(() => turns++, 1)
    const hashed = await Promise.all(paths.map(path => hashFile(realIo, path, bytes)))
    clearInterval(other)
    assert.equal(hashed.map(h => h.digest), paths.map(path => sha(readFileSync(path))))
    assert.ok(turns >= 2, String(turns))
  }))

test('a missing output and one of the wrong form are named', () =>
  withProject(async ({ dir, open, write }) => {
    const store = await open()
    assert.match((await refusal(() => store.ingest(join(dir, 'no'), 'file', 'file'))).message, 'no file at')
    assert.match((await refusal(() => store.ingest(write('f', ''), 'model', 'folder'))).message, 'must be a folder')
    write('d/x', '')
    assert.match((await refusal(() => store.ingest(join(dir, 'd'), 'file', 'file'))).message, 'must be a file')
  }))

test('a record is found again by another process, by key and by static key, newest first', () =>
  withProject(async ({ open, write }) => {
    const store = await open()
    const output = await store.ingest(write('a', '1'), 'file', 'file')
    const first = recordOf([{ name: 'uses', value: 'x' }, { name: 'input a', value: '1' }], { out: output }, { finishedAt: '2026-01-01T00:00:00.000Z' })
    const second = recordOf([{ name: 'uses', value: 'x' }, { name: 'input a', value: '2' }], { out: output }, { finishedAt: '2026-01-02T00:00:00.000Z' })
    await store.publish(first)
    await store.publish(second)
    const other = await open()
    assert.equal(await other.lookup(first.key), first)
    assert.equal((await other.lookupStatic(first.staticKey)).map(r => r.key), [second.key, first.key])
    assert.equal(await other.lookupStatic(first.key), [])
  }))

test('a static key that was just asked for is found with what another process adds to it, and with what an older version kept of it', () =>
  withProject(async ({ open, write }) => {
    const [store, other] = [await open(), await open()]
    const output = await store.ingest(write('a', '1'), 'file', 'file')
    const records = ['1', '2', '3'].map(k => recordOf(is('k', k), { out: output }, { staticKey: sha('s') as Digest }))
    for (const [i, record] of records.entries()) {
      await store.publish(record)
      assert.is((await other.lookupStatic(record.staticKey)).length, i + 1)
    }
    // As it was before: a folder a static key, an empty file a key.
    const old = recordOf(is('k', 'old'), { out: output }, { staticKey: sha('t') as Digest })
    await store.publish(old)
    const dir = store.at.statics(old.staticKey)
    renameSync(join(dir, `${old.staticKey}-${old.key}`), join(dir, 'aside'))
    mkdirSync(join(dir, old.staticKey), { recursive: true })
    renameSync(join(dir, 'aside'), join(dir, old.staticKey, old.key))
    assert.equal((await other.lookupStatic(old.staticKey)).map(r => r.key), [old.key])
    store.actions.remove(old)
    assert.equal(readdirSync(join(dir, old.staticKey)), [])
    assert.equal(await (await open()).lookupStatic(old.staticKey), [])
  }))

test('a listing of static keys taken within a tick of the last change is not trusted, and a settled one is not taken again', () =>
  withProject(async ({ open, write }) => {
    const store = await open()
    const output = await store.ingest(write('a', '1'), 'file', 'file')
    const records = ['1', '2'].map(k => recordOf(is('k', k), { out: output }, { staticKey: sha('s') as Digest }))
    await store.publish(records[0]!)
    const dir = store.at.statics(sha('s') as Digest)
    const { mtimeNs, mtimeMs } = statSync(dir, { bigint: true })
    let nowMs = Number(mtimeMs) + 1
    let listings = 0
    // A file system whose clock stands still.
    const fs = {
      ...realIo.fs,
      statSync: ((path: string, options: never) => {
        const stat = realIo.fs.statSync(path, options)
        return path === dir ? Object.assign(Object.create(Object.getPrototypeOf(stat)), stat, { mtimeNs }) : stat
      }) as typeof realIo.fs.statSync,
      readdirSync: ((path: string, ...rest: never[]) => {
        if (path === dir) listings++
        return realIo.fs.readdirSync(path, ...rest)
      }) as unknown as typeof realIo.fs.readdirSync,
    }
    const other = await open({ nowMs: () => nowMs, fs })
    const keys = async () => (await other.lookupStatic(sha('s') as Digest)).map(r => r.key).sort()
    assert.equal([await keys(), listings], [[records[0]!.key], 1])
    await store.publish(records[1]!)
    const both = records.map(r => r.key).sort()
    assert.equal([await keys(), listings], [both, 2])
    nowMs += 5000
    assert.equal([await keys(), listings], [both, 3])
    assert.equal([await keys(), listings], [both, 3])
  }))

test('the first of two records wins, unless a forced rerun replaces it', () =>
  withProject(async ({ open, write }) => {
    const store = await open()
    const one = await store.ingest(write('a', '1'), 'file', 'file')
    const two = await store.ingest(write('a', '2'), 'file', 'file')
    const first = recordOf(is('k', 'v'), { out: one }, { run: 'first' })
    const second = recordOf(is('k', 'v'), { out: two }, { run: 'second' })
    assert.is((await store.publish(first)).run, 'first')
    assert.is((await store.publish(second)).run, 'first')
    assert.is((await store.publish(second, { replace: true })).run, 'second')
    assert.is((await store.lookup(first.key))?.run, 'second')
  }))

test('a record that is JSON of something else is a miss, and is no record for anybody who lists them', () =>
  withProject(async ({ open, write }) => {
    const store = await open()
    const record = recordOf(is('k', 'v'), { out: await store.ingest(write('a', '1'), 'file', 'file') })
    await store.publish(record)
    for (const text of ['null', '3', '"x"', '[]', '{}']) {
      writeFileSync(store.at.action(record.key), text)
      assert.is(await store.lookup(record.key), undefined, text)
      assert.equal(await store.lookupStatic(record.staticKey), [], text)
    }
  }))

test('a folder that holds a name which is not UTF-8 is refused by that name', () =>
  withProject(async ({ dir, open }) => {
    const store = await open()
    mkdirSync(join(dir, 'made'))
    try {
      writeFileSync(Buffer.concat([Buffer.from(join(dir, 'made/a')), Buffer.from([0xff])]), '')
    } catch {
      return console.log('SKIP a folder that holds a name which is not UTF-8 is refused by that name: this file system takes no such name')
    }
    const { message, reason } = await refusal(() => store.ingest(join(dir, 'made'), 'folder', 'folder'))
    assert.match(message, /made\/a\ufffd has a name that is not UTF-8$/)
    assert.is(reason, 'output')
  }))

test('a record whose object is missing, truncated or changed is a miss, and is made good by the next publication', () =>
  withProject(async ({ open, write }) => {
    const store = await open()
    for (const [name, harm] of [
      ['missing', (path: string) => renameSync(path, `${path}-gone`)],
      ['truncated', (path: string) => writeFileSync(path, 'ab')],
      ['same length', (path: string) => writeFileSync(path, 'abcdX')],
    ] as const) {
      const output = await store.ingest(write('a', 'abcde'), 'file', 'file')
      const record = recordOf(is('k', name), { out: output })
      await store.publish(record)
      assert.ok(await store.lookup(record.key), name)
      if (name !== 'missing') chmodSync(store.pathOf(output), 0o644)
      harm(store.pathOf(output))
      assert.is(await store.lookup(record.key), undefined, name)
      assert.is(await (await open()).lookup(record.key), undefined, name)
      const again = recordOf(is('k', name), { out: await store.ingest(write('a', 'abcde'), 'file', 'file') }, { run: 'again' })
      assert.is((await store.publish(again)).run, 'r1', 'the object is whole again, so that the first record holds')
      assert.ok(await store.lookup(record.key), name)
    }
  }))

test('a folder with a file missing from its tree is a miss, and ingesting it again repairs it', () =>
  withProject(async ({ dir, open, write }) => {
    const store = await open()
    const make = async () => {
      write('m/a', '1')
      write('m/b', '2')
      return store.ingest(join(dir, 'm'), 'model', 'folder')
    }
    const output = await make()
    const record = recordOf(is('k', 'v'), { model: output })
    await store.publish(record)
    renameSync(join(store.pathOf(output), 'b'), join(dir, 'b'))
    assert.is(await store.lookup(record.key), undefined)
    await make()
    assert.ok(await store.lookup(record.key))
    assert.is(readFileSync(join(store.pathOf(output), 'b'), 'utf8'), '2')
  }))

test('an input that a stage changes in place is noticed and moved aside, even at once and with its old time', () =>
  withProject(async ({ open, write }) => {
    const store = await open()
    const output = await store.ingest(write('a', 'abcde'), 'file', 'file')
    const path = store.pathOf(output)
    const { atime, mtime } = statSync(path)
    chmodSync(path, 0o644)
    writeFileSync(path, 'abcdX')
    utimesSync(path, atime, mtime)
    assert.is(await store.verifyUnchanged(output), false)
    assert.not.ok(existsSync(path))
    assert.is(readFileSync(join(store.at.quarantine, readdirSync(store.at.quarantine)[0] as string), 'utf8'), 'abcdX')
  }))

test('a file that a stage adds to or changes in an input folder is noticed', () =>
  withProject(async ({ dir, open, write }) => {
    const store = await open()
    const make = () => {
      write('m/a', '1')
      return store.ingest(join(dir, 'm'), 'model', 'folder')
    }
    const output = await make()
    assert.ok(await store.verifyUnchanged(output))
    writeFileSync(join(store.pathOf(output), 'extra'), '')
    assert.is(await store.verifyUnchanged(output), false)
    assert.not.ok(existsSync(store.pathOf(output)))

    await make()
    const inside = join(store.pathOf(output), 'a')
    chmodSync(inside, 0o644)
    writeFileSync(inside, 'X')
    assert.is(await store.verifyUnchanged(output), false)
    const lone = { kind: 'file', form: 'file' as const, digest: sha('1') as never, bytes: 1 }
    assert.not.ok(existsSync(store.pathOf(lone)), 'the file object is the same inode, so it goes too')
    await make()
    assert.ok(await store.verifyUnchanged(output))
  }))

test('an unchanged file is hashed once, across processes and after the project has moved', () =>
  withProject(async ({ dir, write }) => {
    const at = (root: string, io: StoreIo) => openStore({ root: join(root, '.hone'), projectRoot: root, io })
    const old = join(dir, 'before')
    const path = write('before/data/x.jsonl', 'rows')
    utimesSync(path, 1_600_000_000, 1_600_000_000)
    // Past the ctime that utimes has just set.
    await new Promise(done => setTimeout(done, 60))
    const one = countingReads()
    const store = await at(old, one.io)
    assert.is((await store.digestFile(path)).digest, sha('rows'))
    await store.ingest(write('before/out', 'o'), 'file', 'file')
    await store.close()
    renameSync(old, join(dir, 'after'))
    const two = countingReads()
    const moved = await at(join(dir, 'after'), two.io)
    const there = join(dir, 'after/data/x.jsonl')
    assert.is(moved.knownDigest(there)?.digest, sha('rows'))
    assert.is((await moved.digestFile(there)).digest, sha('rows'))
    assert.is(two.reads.filter(p => p === there).length, 0)
  }))

test('a torn or foreign line of the stat index is not believed, and costs only hashing', () =>
  withProject(async ({ dir, open, write }) => {
    mkdirSync(join(dir, '.hone'))
    const path = write('rows\\of\tmine', 'rows')
    const later = { ...realIo, nowMs: () => Date.now() + 60_000 }
    const first = await open(later)
    await first.digestFile(path)
    await first.close()
    const whole = readFileSync(first.at.statIndex, 'utf8')
    assert.is((await open()).knownDigest(path)?.digest, sha('rows'))
    const [name, stamp, at] = whole.split('\t') as [string, string, string]
    const cut = [whole.slice(0, -30), `${name}\t${stamp}\t${at}\t`, `${name}\t${stamp}\t${at}`, `${name}\t${stamp}`, name, '\n\t\n']
    const foreign = [`${whole.slice(0, -1)}0\n`, `${whole.slice(0, -1)}\t${sha('more')}\n`, `${whole.slice(0, -1)}${sha('more')}\n`, `${name}\t${stamp}0\t${at}\t${sha('other')}\n`, `${name}\t${stamp}\tx\t${sha('other')}\n`, `${name}\t${stamp}\t${at}\t${'x'.repeat(64)}\n`, `\t${stamp}\t${at}\t${sha('other')}\n`]
    for (const text of [...cut, ...foreign]) {
      writeFileSync(first.at.statIndex, text)
      const store = await open(later)
      assert.is(store.knownDigest(path), undefined, JSON.stringify(text))
      assert.is((await store.digestFile(path)).digest, sha('rows'))
      await store.close()
      assert.is((await open()).knownDigest(path)?.digest, sha('rows'), JSON.stringify(text))
    }
  }))

test('a touched file is hashed again and has the same digest; a copied project hits though every inode is new', () =>
  withProject(async ({ dir, open, write }) => {
    const path = write('x', 'rows')
    await new Promise(done => setTimeout(done, 60))
    const { io, reads } = countingReads()
    const store = await open(io)
    const first = await store.digestFile(path)
    utimesSync(path, 1, 1)
    assert.is(store.knownDigest(path), undefined)
    assert.equal(await store.digestFile(path), first)
    assert.is(reads.filter(p => p === path).length, 2)

    const record = recordOf(is('k', 'v'), { out: await store.ingest(write('o', 'o'), 'file', 'file') })
    await store.publish(record)
    cpSync(join(dir, '.hone'), join(dir, 'copy/.hone'), { recursive: true })
    const copy = await openStore({ root: join(dir, 'copy/.hone'), projectRoot: join(dir, 'copy') })
    assert.ok(await copy.lookup(record.key))
  }))

test('a file replaced by one of the same size and time is noticed', () =>
  withProject(async ({ open, write }) => {
    const path = write('x', 'aaaa')
    utimesSync(path, 1_600_000_000, 1_600_000_000)
    await new Promise(done => setTimeout(done, 60))
    const store = await open()
    const first = (await store.digestFile(path)).digest
    writeFileSync(path, 'bbbb')
    utimesSync(path, 1_600_000_000, 1_600_000_000)
    assert.is((await store.digestFile(path)).digest, sha('bbbb'), 'written in place')
    const other = write('y', 'cccc')
    utimesSync(other, 1_600_000_000, 1_600_000_000)
    renameSync(other, path)
    assert.is((await store.digestFile(path)).digest, sha('cccc'), 'renamed over')
    assert.is(first, sha('aaaa'))
  }))

test('a replaced file is noticed by inode or ctime even where the clock that hashed it ran ahead', () =>
  withProject(async ({ open, write }) => {
    const ahead = { ...realIo, nowMs: () => Date.now() + 60_000 }
    const path = write('x', 'aaaa')
    utimesSync(path, 1_600_000_000, 1_600_000_000)
    const store = await open(ahead)
    assert.is((await store.digestFile(path)).digest, sha('aaaa'))
    assert.is(store.knownDigest(path)?.digest, sha('aaaa'))
    await new Promise(done => setTimeout(done, 20))
    writeFileSync(path, 'bbbb')
    utimesSync(path, 1_600_000_000, 1_600_000_000)
    assert.is((await store.digestFile(path)).digest, sha('bbbb'))
  }))

test('a file changed within a tick of being hashed is not trusted, though its stat is the same', () =>
  withProject(async ({ open, write }) => {
    const path = write('x', 'aaaa')
    const frozen = statSync(path, { bigint: true })
    // A file system whose clock stands still.
    const statFrozen = ((p: string, options: never) => {
      const stat = realIo.fs.statSync(p, options)
      return String(p) === path ? Object.assign(Object.create(Object.getPrototypeOf(stat)), stat, { mtimeNs: frozen.mtimeNs, ctimeNs: frozen.ctimeNs }) : stat
    }) as typeof realIo.fs.statSync
    const store = await open({ nowMs: () => Number(frozen.mtimeMs) + 1, fs: { ...realIo.fs, statSync: statFrozen } })
    assert.is((await store.digestFile(path)).digest, sha('aaaa'))
    writeFileSync(path, 'bbbb')
    assert.is((await store.digestFile(path)).digest, sha('bbbb'))
  }))

test('names with tabs, line breaks and backslashes are remembered as they are', () =>
  withProject(async ({ open, write }) => {
    const path = write('a\tb\nc\\td', 'x')
    await new Promise(done => setTimeout(done, 60))
    const store = await open()
    await store.digestFile(path)
    await store.ingest(write('o', 'o'), 'file', 'file')
    await store.close()
    assert.is((await open()).knownDigest(path)?.digest, sha('x'))
  }))

test('attempts are always fresh, scratch stays until it is cleaned', () =>
  withProject(async ({ open }) => {
    const store = await open()
    const key = sha('k') as never
    const one = await store.attempt(key)
    writeFileSync(join(one.scratch, 'state'), '')
    const two = await store.attempt(key)
    assert.is.not(one.dir, two.dir)
    assert.equal(readdirSync(two.dir), [])
    await store.clean(key, { keepScratch: true })
    assert.not.ok(existsSync(two.dir))
    assert.ok(existsSync(join(two.scratch, 'state')))
    await store.clean(key)
    assert.not.ok(existsSync(two.scratch))
  }))

test('a work folder becomes that of another key only if nothing is in it, and none is left at the end', () =>
  withProject(async ({ open }) => {
    const store = await open()
    const [a, b] = [sha('a') as Digest, sha('b') as Digest]
    const first = await store.attempt(a)
    await store.clean(a, { mayReuse: true })
    assert.not.ok(existsSync(first.dir))
    const second = await store.attempt(b)
    assert.equal([second.isNew, existsSync(store.at.workOf(a)), readdirSync(second.dir), readdirSync(second.scratch)], [true, false, [], []])
    writeFileSync(join(second.scratch, 'left'), '')
    await store.clean(b, { mayReuse: true })
    const third = await store.attempt(a)
    assert.equal([third.isNew, readdirSync(third.scratch)], [true, []])
    // gc of another process takes away what looks left behind, and a key whose folder is there keeps it.
    await store.clean(a, { mayReuse: true })
    for (const idle of readdirSync(store.at.work)) rmSync(join(store.at.work, idle, 'scratch'), { recursive: true })
    assert.ok(existsSync((await store.attempt(a)).scratch))
    await store.attempt(b)
    await store.clean(a, { mayReuse: true })
    const again = await store.attempt(b)
    assert.equal([again.isNew, again.dir.endsWith('attempt-2')], [false, true])
    await store.clean(b)
    await store.close()
    assert.equal(readdirSync(store.at.work), [])
  }))

test('the keys of the last run are remembered, over a torn line too', () =>
  withProject(async ({ open }) => {
    const store = await open()
    store.remember('p.yaml', 'a', sha('1') as never)
    store.remember('p.yaml', 'b[x=1]', sha('2') as never)
    store.remember('p.yaml', 'a', sha('3') as never)
    const file = join(store.at.last, readdirSync(store.at.last)[0] as string)
    writeFileSync(file, `${readFileSync(file, 'utf8')}\n["a","12`)
    const other = await open()
    assert.equal([...other.lastKeys('p.yaml')], [['a', sha('3')], ['b[x=1]', sha('2')]])
    other.remember('p.yaml', 'a', sha('4') as never)
    assert.is((await open()).lastKeys('p.yaml').get('a' ), sha('4'))
    assert.is(other.lastKeys('q.yaml').size, 0)
  }))

test('opening and looking up writes nothing; the first result makes the folder, and git ignores it', () =>
  withProject(async ({ dir, open, write }) => {
    const store = await open()
    assert.is(await store.lookup(sha('k') as never), undefined)
    await store.digestFile(write('x', 'x'))
    await store.close()
    assert.not.ok(existsSync(join(dir, '.hone')))
    await store.ingest(write('x', 'x'), 'file', 'file')
    assert.is(readFileSync(join(dir, '.hone/.gitignore'), 'utf8'), '*\n')
  }))

test('a store of a newer version is refused with what to do', () =>
  withProject(async ({ open, write }) => {
    write('.hone/format.json', '{"format": 99}')
    const error = await refusal(() => open())
    assert.is(error.reason, 'newer')
    assert.match(error.message, 'newer version of hone (format 99; this one reads 1)')
    assert.match(error.hint, 'HONE_HOME')
  }))

test.run()
