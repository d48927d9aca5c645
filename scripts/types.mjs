// The declarations (.d.ts) of each package that others import: those that its exports reach, beside what they declare.
import { spawn } from 'node:child_process'
import { cpSync, mkdirSync, readFileSync, rmSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { root } from './prepare.mjs'

const emitted = join(root, 'node_modules/.hone-types')

/** The files that a declaration leads to, itself among them. */
function reached(entries) {
  const seen = new Set(entries)
  for (const file of seen) {
    for (const [, from, lazily, bare] of readFileSync(file, 'utf8').matchAll(/\bfrom '([^']+)'|\bimport\("([^"]+)"\)|^import '([^']+)'/gm)) {
      const name = from ?? lazily ?? bare
      if (name.startsWith('.')) seen.add(join(dirname(file), name.replace(/\.js$/, '.d.ts')))
    }
  }
  return [...seen]
}

/** Starts the compiler, which takes about as long as the rest of the build; what it answers puts the declarations into dist. */
export function startTypes(names) {
  rmSync(emitted, { recursive: true, force: true })
  const tsc = join(root, 'node_modules/.bin', process.platform === 'win32' ? 'tsc.cmd' : 'tsc')
  const ended = new Promise(done => spawn(tsc, ['-p', 'tsconfig.types.json'], { cwd: root, stdio: 'inherit', shell: process.platform === 'win32' }).on('close', done))
  return async () => {
    if ((await ended) !== 0) process.exit(1)
    for (const name of names) {
      const { exports = {} } = JSON.parse(readFileSync(join(root, 'packages', name, 'package.json'), 'utf8'))
      const [src, dist] = [join(emitted, name, 'src'), join(root, 'packages', name, 'dist')]
      const entries = Object.values(exports).flatMap(target => (target.types ? [join(src, relative('dist', target.types))] : []))
      for (const file of reached(entries)) {
        const to = join(dist, relative(src, file))
        mkdirSync(dirname(to), { recursive: true })
        cpSync(file, to)
      }
    }
  }
}
