import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { digestOf } from '../../src/artifacts/digest.js'
import { realIo, type StoreIo } from '../../src/artifacts/io.js'
import { openStore, type FileStore } from '../../src/artifacts/store.js'
import { StoreError } from '../../src/artifacts/store-error.js'
import { recordOf, withProject } from './fixture.js'

type FsName = 'renameSync' | 'linkSync' | 'writeFileSync' | 'mkdirSync' | 'openSync' | 'chmodSync' | 'fsyncSync' | 'fsync' | 'copyFileSync' | 'appendFileSync'

/** The disk fails with `code` at the `nth` call of `name`, and from then on. */
function failing(name: FsName, code: string, nth: number): StoreIo {
  let calls = 0
  const real = realIo.fs[name] as (...args: never[]) => unknown
  const fs = {
    ...realIo.fs,
    [name]: (...args: never[]) => {
      if (++calls >= nth) throw Object.assign(new Error(`${code}: made up`), { code, path: String(args[0]) })
      return real(...args)
    },
  } as typeof realIo.fs
  return { ...realIo, fs }
}

async function storeModel(store: FileStore, dir: string, text: string) {
  mkdirSync(join(dir, 'm/sub'), { recursive: true })
  writeFileSync(join(dir, 'm/a'), text)
  writeFileSync(join(dir, 'm/sub/b'), `${text} b`)
  return store.publish(recordOf([{ name: 'k', value: text }], { model: await store.ingest(join(dir, 'm'), 'model', 'folder') }, { durationMs: 60_000 }))
}

test('wherever the disk fills up, the error says so, earlier results stay, and the next run succeeds', () =>
  withProject(async ({ dir, open }) => {
    const store = await open()
    const before = await storeModel(store, dir, 'before')
    let failures = 0
    for (const name of ['renameSync', 'linkSync', 'writeFileSync', 'mkdirSync', 'fsyncSync', 'fsync'] as const) {
      for (let nth = 1; nth < 12; nth++) {
        const text = `${name} ${nth}`
        const full = await open(failing(name, 'ENOSPC', nth))
        try {
          await storeModel(full, dir, text)
          break
        } catch (error) {
          assert.instance(error, StoreError, `${text}: ${error}`)
          assert.is((error as StoreError).reason, 'full')
          assert.match((error as StoreError).hint, 'hone cache gc')
          failures++
        }
        assert.ok(await store.lookup(before.key), text)
        const after = await open()
        await storeModel(after, dir, text)
        assert.ok(await after.lookup(recordOf([{ name: 'k', value: text }], {}).key), text)
      }
    }
    assert.ok(failures >= 10, String(failures))
    assert.equal(readdirSync(store.at.temporary), [])
  }))

test('a store that cannot be written does without a note of what ran last', () =>
  withProject(async ({ open }) => {
    for (const [name, nth] of [['mkdirSync', 1], ['appendFileSync', 1], ['appendFileSync', 2]] as const) {
      const store = await open(failing(name, 'EROFS', nth))
      for (const node of ['a', 'b']) store.remember(`${name} ${nth}`, node, digestOf([]))
      assert.equal([...store.lastKeys(`${name} ${nth}`).keys()], ['a', 'b'])
    }
  }))

test('the record of a costly result is written once every file and folder of it is on the disk for good', () =>
  withProject(async ({ dir, open, write }) => {
    const told: string[] = []
    const names = new Map<number, string>()
    const { openSync, fsync, linkSync } = realIo.fs
    const fs = {
      ...realIo.fs,
      openSync: (path: string, ...rest: never[]) => {
        const fd = openSync(path, ...(rest as unknown as ['r']))
        names.set(fd, path)
        return fd
      },
      fsync: (fd: number, done: (error: Error | null) => void) =>
        fsync(fd, error => {
          told.push(names.get(fd) as string)
          done(error)
        }),
      linkSync: (from: string, to: string) => {
        if (to.endsWith('.json')) told.push('record')
        linkSync(from, to)
      },
    } as typeof realIo.fs
    const store = await open({ ...realIo, fs })
    for (let i = 0; i < 20; i++) write(`m/${i}`, String(i))
    const { outputs } = await store.publish(recordOf([{ name: 'k', value: 'v' }], { model: await store.ingest(join(dir, 'm'), 'model', 'folder') }, { durationMs: 60_000 }))
    const model = outputs.model!
    const files = [store.at.manifest(model.digest), ...(await store.entries(model)).map(e => store.at.file(e.digest))]
    assert.equal(told.slice(0, -1).sort(), [...files, ...new Set(files.map(dirname))].sort())
    assert.is(told.at(-1), 'record')
  }))

test('a read-only or forbidden disk is told apart from a full one', () =>
  withProject(async ({ dir, open }) => {
    for (const [code, reason, hint] of [['EROFS', 'read-only', 'HONE_HOME'], ['EACCES', 'denied', 'HONE_HOME'], ['EDQUOT', 'full', 'gc'], ['EIO', 'io', 'verify']] as const) {
      const store = await open(failing('renameSync', code, 1))
      try {
        await storeModel(store, dir, code)
        assert.unreachable()
      } catch (error) {
        assert.is((error as StoreError).reason, reason, `${error}`)
        assert.match((error as StoreError).hint, hint)
      }
    }
  }))

test('results are read from a store that cannot be written', () =>
  withProject(async ({ dir, open }) => {
    const before = await storeModel(await open(), dir, 'before')
    const refuse = () => {
      throw Object.assign(new Error('EROFS'), { code: 'EROFS' })
    }
    const names = ['writeFileSync', 'appendFileSync', 'mkdirSync', 'renameSync', 'linkSync', 'chmodSync', 'rmSync']
    const store = await open({ ...realIo, fs: { ...realIo.fs, ...Object.fromEntries(names.map(n => [n, refuse])) } as typeof realIo.fs })
    assert.ok(await store.lookup(before.key))
    assert.is(readFileSync(join(store.pathOf(before.outputs.model!), 'a'), 'utf8'), 'before')
    await store.close()
  }))

test('on a file system without hard links folders are copies, and records are still first come', () =>
  withProject(async ({ dir, open }) => {
    const noLinks = failing('linkSync', 'EPERM', 1)
    const store = await open(noLinks)
    const record = await storeModel(store, dir, 'x')
    const inTree = statSync(join(store.pathOf(record.outputs.model!), 'a'))
    assert.is(inTree.nlink, 1)
    assert.ok(await store.lookup(record.key))
    assert.ok(await store.verifyUnchanged(record.outputs.model!))
    assert.is((await store.publish({ ...record, run: 'second' })).run, 'r1')
    const signal = AbortSignal.timeout(1000)
    const lock = await store.lock(record.key, { signal })
    await lock.release()
    assert.not.ok(existsSync(store.at.lock(record.key)))
    assert.equal(readdirSync(store.at.temporary), [])
  }))

/** A file system of `size` at `dir`; undefined where we may not mount. */
function mountTmpfs(dir: string, size: string): (() => void) | undefined {
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${size}`, 'tmpfs', dir], { stdio: 'ignore' })
    return () => execFileSync('umount', [dir])
  } catch {
    return undefined
  }
}

const fullDisk = 'a really full disk fails the store by name, and after some room is made the run goes on'
test(fullDisk, () =>
  withProject(async ({ dir }) => {
    const disk = join(dir, 'disk')
    mkdirSync(disk)
    const unmount = mountTmpfs(disk, '2m')
    if (!unmount) return console.log(`SKIP ${fullDisk}: mounting a tmpfs is not permitted here`)
    try {
      const store = await openStore({ root: join(disk, '.hone'), projectRoot: disk })
      const small = await storeModel(store, dir, 'small')
      // From another file system, so that it is copied.
      writeFileSync(join(dir, 'big'), Buffer.alloc(4 << 20, 1))
      try {
        await store.ingest(join(dir, 'big'), 'file', 'file')
        assert.unreachable()
      } catch (error) {
        assert.instance(error, StoreError, String(error))
        assert.is((error as StoreError).reason, 'full')
      }
      assert.is(statSync(join(dir, 'big')).size, 4 << 20, 'what could not be stored is still there')
      assert.equal(readdirSync(store.at.temporary), [], 'the torn copy makes room')
      assert.ok(await store.lookup(small.key))
      writeFileSync(join(dir, 'big'), Buffer.alloc(1 << 20, 1))
      const output = await store.ingest(join(dir, 'big'), 'file', 'file')
      assert.ok(await store.verifyUnchanged(output))
      await store.close()
    } finally {
      unmount()
    }
  }))

test.run()
