// docs/plugins.md from top to bottom in one project: its files are written, its commands typed, and what they print is compared, `…` standing for anything.
import { spawnSync } from 'node:child_process'
import { mkdirSync, symlinkSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Project } from './rig.js'
import { root, text } from './sources.js'

const test = suite('docs/plugins.md')

type Block = { readonly line: number; readonly file: string; readonly text: string } | { readonly line: number; readonly commands: readonly { readonly typed: string; readonly prints: readonly string[] }[] }

function blocks(page: string): Block[] {
  return [...page.matchAll(/^```(\w+)(?: (\S+))?\n([^]*?)^```$/gm)].map(match => {
    const line = page.slice(0, match.index).split('\n').length
    const [, language, file, content] = match as unknown as [string, string, string | undefined, string]
    if (file !== undefined) return { line, file, text: content }
    assert.is(language, 'console', `line ${line}: a block is a file with its name, or of the console`)
    const commands: { typed: string; prints: string[] }[] = []
    for (const printed of content.trimEnd().split('\n')) {
      if (printed.startsWith('$ ')) commands.push({ typed: printed.slice(2), prints: [] })
      else commands.at(-1)!.prints.push(printed)
    }
    return { line, commands }
  })
}

const escape = (part: string) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
/** Lines as they stand; `…` alone is any lines, within a line any characters. */
const pattern = (lines: readonly string[]) => new RegExp(`^${lines.map(line => (line === '…' ? '(?:.*\\n)*?' : `${line.split('…').map(escape).join('.*')} *\\n`)).join('')}$`)

/** What `npm install` would bring of hone: the packages of the workspace in place of those of the registry. */
function link(folder: string): void {
  const links = { 'hone-engine': 'packages/engine', 'hone-plugins': 'packages/plugins', 'hone-lm': 'packages/lm', 'hone-cli': 'packages/cli', typescript: 'node_modules/typescript', '@types/node': 'node_modules/@types/node', '.bin/tsc': 'node_modules/.bin/tsc' }
  for (const [name, to] of Object.entries(links)) {
    mkdirSync(dirname(join(folder, 'node_modules', name)), { recursive: true })
    symlinkSync(join(root, to), join(folder, 'node_modules', name))
  }
}

const page = blocks(text('docs/plugins.md'))

test('it has files and commands', () => {
  assert.ok(page.filter(b => 'file' in b).length >= 15)
  assert.ok(page.flatMap(b => ('commands' in b ? b.commands : [])).length >= 20)
})

test('every block does what the page says', async () => {
  const project = Project.make()
  project.write({ 'package.json': '' })
  let cwd = project.root
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(NODE_|HONE_|npm_|FORCE_COLOR|NO_COLOR)/.test(name)))
  const npm = { npm_config_offline: 'true', npm_config_update_notifier: 'false', npm_config_audit: 'false', npm_config_fund: 'false' }
  for (const block of page) {
    if ('file' in block) {
      project.write({ [join(relative(project.root, cwd), block.file)]: block.text })
      continue
    }
    for (const { typed, prints } of block.commands) {
      const where = `docs/plugins.md, in the block of line ${block.line}: ${typed}`
      const [program, ...args] = typed.split(' ')
      if (program === 'cd') cwd = join(cwd, args[0]!)
      else if (/^npm install( hone-cli --onnxruntime-node-install=skip)?$/.test(typed)) link(cwd)
      // As npm 11 does.
      else if (typed === 'npm init --yes') project.write({ 'package.json': '{ "name": "page", "version": "1.0.0", "type": "commonjs" }\n' })
      else {
        let said: { code: number | null; text: string }
        if (program === 'hone') {
          const { code, stdout, stderr } = await project.start(args, { cwd }).ended
          said = { code, text: stdout + stderr }
        } else {
          const { status, stdout, stderr } = spawnSync(typed, { cwd, shell: true, encoding: 'utf8', env: { ...env, ...npm } })
          said = { code: status, text: program === 'npm' && args[0] === 'install' ? '' : stdout + (status === 0 ? '' : stderr) }
        }
        const expected = prints.some(p => p.includes(' error: ')) ? 2 : prints.some(p => p.includes(' failed: ')) ? 1 : 0
        assert.is(said.code, expected, `${where}\n${said.text}`)
        if (prints.length > 0) assert.match(said.text.replace(/\n?$/, '\n'), pattern(prints), `${where}\n${said.text}`)
      }
    }
  }
})

test('what it writes fits the types, as a strict compiler reads it', () => {
  const project = Project.make()
  project.write({ 'package.json': page.some(b => 'commands' in b && b.commands.some(c => c.typed === 'npm pkg set type=module')) ? '{ "type": "module" }\n' : '{ "type": "commonjs" }\n' })
  link(project.root)
  for (const block of page) if ('file' in block) project.write({ [block.file]: block.text })
  const files = page.flatMap(b => ('file' in b && /\.m?[jt]s$/.test(b.file) ? [b.file] : []))
  const { status, stdout } = spawnSync(join(root, 'node_modules/.bin/tsc'), ['--noEmit', '--strict', '--skipLibCheck', '--allowJs', '--checkJs', '--target', 'es2023', '--module', 'nodenext', '--types', 'node', ...new Set(files)], { cwd: project.root, encoding: 'utf8' })
  assert.is(status, 0, stdout)
})

test.run()
