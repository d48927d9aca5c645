// Installs and builds what is not yet: each step is skipped while a stamp of what it depends on is unchanged.
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { spawnSync } from 'node:child_process'
import { pnpm, pnpmVersion } from './pnpm.mjs'

export const root = dirname(dirname(fileURLToPath(import.meta.url)))
const stamps = join(root, 'node_modules', '.hone-stamps')

function* filesBelow(dir) {
  for (const entry of readdirSync(join(root, dir), { withFileTypes: true })) {
    if (entry.name === 'node_modules' || entry.name === 'dist') continue
    if (entry.isDirectory()) yield* filesBelow(`${dir}/${entry.name}`)
    else yield `${dir}/${entry.name}`
  }
}

function stampOf(files, salt) {
  const hash = createHash('sha256').update(salt)
  for (const file of [...files].sort()) hash.update(`\0${file}\0`).update(readFileSync(join(root, file)))
  return hash.digest('hex')
}

const packages = () => readdirSync(join(root, 'packages')).filter(name => existsSync(join(root, 'packages', name, 'package.json')))

/** The folder of each package that is published. */
export const packageFolders = () => [...packages().map(name => `packages/${name}`), 'models/hone-tiny']

const installStamp = () =>
  stampOf(['pnpm-lock.yaml', 'pnpm-workspace.yaml', 'package.json', ...packageFolders().map(folder => `${folder}/package.json`)], `${pnpmVersion} ${process.version} ${process.platform} ${process.arch}`)
const buildStamp = () =>
  stampOf([...packages().flatMap(p => [...filesBelow(`packages/${p}`)]).filter(f => !f.includes('/test/')), 'scripts/build.mjs', 'scripts/types.mjs', 'tsconfig.json', 'tsconfig.types.json', 'pnpm-lock.yaml'], 'build')

const isFresh = (name, stamp) => existsSync(join(stamps, name)) && readFileSync(join(stamps, name), 'utf8') === stamp
function remember(name, stamp) {
  mkdirSync(stamps, { recursive: true })
  writeFileSync(join(stamps, name), stamp)
}

export function install({ onStart } = {}) {
  const stamp = installStamp()
  if (isFresh('install', stamp)) return false
  onStart?.()
  pnpm(['install', '--frozen-lockfile', '--reporter=append-only'], { cwd: root, quiet: !process.env.CI })
  remember('install', stamp)
  return true
}

/** Whether dist holds what the sources say. */
export const isBuilt = () => existsSync(join(root, 'packages/plugins/dist/digests.json')) && isFresh('build', buildStamp())

export function build() {
  if (isBuilt()) return false
  const stamp = buildStamp()
  const { status } = spawnSync(process.execPath, [join(root, 'scripts/build.mjs')], { stdio: 'inherit', cwd: root })
  if (status !== 0) process.exit(status ?? 1)
  remember('build', stamp)
  return true
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const did = [install({ onStart: () => console.log('Installing what pnpm-lock.yaml names …') }) && 'installed', build() && 'built'].filter(Boolean)
  console.log(did.length ? `${did.join(' and ')}: ./node_modules/.bin/hone is the program` : 'nothing to do: ./node_modules/.bin/hone is up to date')
}
