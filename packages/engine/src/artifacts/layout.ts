import { join, sep } from 'node:path'
import { randomBytes } from 'node:crypto'
import { sha256 } from './digest.js'
import type { Digest } from './types.js'

/** Of no other process, and no other thread. */
const ours = `${process.pid}-${randomBytes(6).toString('hex')}`
let made = 0

/** Where things lie beneath the root of a store. */
export const layout = (root: string) => ({
  format: join(root, 'format.json'),
  objects: join(root, 'objects'),
  // Those for digests are asked for once a node; join() would take longer than the look-up.
  file: (digest: Digest) => `${root}${sep}objects${sep}${digest.slice(0, 2)}${sep}${digest}`,
  manifest: (digest: Digest) => join(root, 'objects', digest.slice(0, 2), `${digest}.manifest`),
  tree: (digest: Digest) => join(root, 'objects', digest.slice(0, 2), `${digest}.tree`),
  actions: join(root, 'actions'),
  action: (key: Digest) => `${root}${sep}actions${sep}${key.slice(0, 2)}${sep}${key}.json`,
  /** Second names of the records, `<static key>-<key>`; where an older version wrote, `<static key>` is a folder with an empty file a key. */
  statics: (staticKey: Digest) => `${root}${sep}actions${sep}static${sep}${staticKey.slice(0, 2)}`,
  last: join(root, 'last'),
  /** What the text of a pipeline was read as. */
  reading: (pipeline: string) => join(root, 'last', `${sha256(pipeline).slice(0, 24)}.yaml.json`),
  runs: join(root, 'runs'),
  work: join(root, 'work'),
  workOf: (key: string) => `${root}${sep}work${sep}${key}`,
  locks: join(root, 'locks'),
  lock: (key: Digest) => `${root}${sep}locks${sep}${key}`,
  memo: join(root, 'memo'),
  /** What stages kept beside their results, by family of results. */
  states: join(root, 'states'),
  /** What the probes of stages said last. */
  probes: join(root, 'probes'),
  /** Bundles of plugins, and what is known of them. */
  plugins: join(root, 'plugins'),
  quarantine: join(root, 'quarantine'),
  statIndex: join(root, 'stat-index'),
  temporary: join(root, 'tmp'),
  /** A path of its own for something half-made; what a kill leaves there is removed by gc. */
  fresh: () => `${root}${sep}tmp${sep}${ours}-${made++}`,
})

export type Layout = ReturnType<typeof layout>
