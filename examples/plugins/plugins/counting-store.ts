// A plugin that takes the place of the store: the one of hone, with each look for a result counted.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { definePlugin, openStore, services, type ArtifactStore, type OpenStore } from 'hone-engine'

const openCounting: OpenStore = async options => {
  const store = await openStore(options)
  const reads = { looked: 0, found: 0 }
  const counting: Partial<ArtifactStore> = {
    async lookup(key, how) {
      const record = await store.lookup(key, how)
      reads.looked++
      if (record) reads.found++
      return record
    },
    async close() {
      await store.close()
      if (reads.looked > 0) writeFileSync(join(store.root, 'reads.json'), `${JSON.stringify(reads)}\n`)
    },
  }
  return new Proxy(store, {
    get(target, name) {
      const value: unknown = Reflect.get(counting, name) ?? Reflect.get(target, name)
      return typeof value === 'function' ? (value.bind(target) as unknown) : value
    },
  })
}

export default definePlugin({ name: 'counting-store', api: 1, provides: [{ token: services.store, create: () => openCounting }] })
