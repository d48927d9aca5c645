// npm run pack [-- FOLDER]: builds, and packs every package of the workspace into FOLDER (dist/packages unless told), as it is published.
import { spawnSync } from 'node:child_process'
import { mkdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build, install, packageFolders, root } from './prepare.mjs'
import { pnpmVersion } from './pnpm.mjs'

/** What pnpm says of a tarball: `{ name, version, filename, size, files: [{ path }] }`. It puts versions in place of `workspace:`. */
function pack(folder, to) {
  const npx = process.platform === 'win32' ? 'npx.cmd' : 'npx'
  const { status, stdout, stderr } = spawnSync(npx, ['--yes', `pnpm@${pnpmVersion}`, 'pack', '--json', '--pack-destination', to], { cwd: join(root, folder), encoding: 'utf8', shell: process.platform === 'win32' })
  if (status !== 0) throw new Error(`${folder} cannot be packed: ${stdout}${stderr}`)
  return JSON.parse(stdout)
}

/** Packs all of them into `to`; answers what is in each, with the manifest of the source. */
export function packAll(to) {
  install()
  build()
  mkdirSync(to, { recursive: true })
  return packageFolders().map(folder => ({ ...pack(folder, to), folder, manifest: JSON.parse(readFileSync(join(root, folder, 'package.json'), 'utf8')) }))
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  for (const { filename, size, files } of packAll(resolve(process.argv[2] ?? join(root, 'dist/packages')))) console.log(`${filename}  ${(size / 1024).toFixed(0)} KiB, ${files.length} files`)
}
