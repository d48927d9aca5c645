// Brings a project's files to what a world says, and touches no others: what is known of a file by its inode and times stays known.
import { chmodSync, existsSync, linkSync, lstatSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs'
import { basename, dirname } from 'node:path'
import type { Project } from '../rig.js'
import { filesOf } from './files.js'
import { manners, type World } from './world.js'

export function lay(project: Project, world: World): void {
  for (const [name, text] of Object.entries(filesOf(world))) if (!project.has(name) || project.read(name) !== text) project.write({ [name]: text })
  mkdirSync(project.path('data'), { recursive: true })
  for (const name of readdirSync(project.path('data'))) if (!world.data.some(file => `${file.name}.txt` === name)) rmSync(project.path('data', name))
  for (const { name, lines, manner } of world.data) layData(project, name, lines.join('\n'), manners[(manner + world.step) % manners.length]!)
}

function layData(project: Project, name: string, text: string, manner: (typeof manners)[number]): void {
  const path = project.path('data', `${name}.txt`)
  const isThere = existsSync(path)
  const isLinked = isThere && (lstatSync(path).isSymbolicLink() || lstatSync(path).nlink > 1)
  const isSame = isThere && readFileSync(path, 'utf8') === text
  const touch = () => {
    chmodSync(path, manner === 'other mode' ? 0o700 : 0o644)
    if (manner === 'same time') utimesSync(path, 1e9, 1e9)
  }
  if (isSame && manner !== 'anew' && isLinked === manner.endsWith('link')) {
    if (manner !== 'in place' && !isLinked) touch()
    return
  }
  // What is written in its place stays the file that it is; the others are new ones.
  if (isThere && (isLinked || manner === 'anew' || manner.endsWith('link'))) rmSync(path)
  if (manner.endsWith('link')) {
    const to = project.path('elsewhere', `${name}-${Buffer.from(text).toString('hex')}`)
    mkdirSync(dirname(to), { recursive: true })
    writeFileSync(to, text)
    if (manner === 'symlink') symlinkSync(`../elsewhere/${basename(to)}`, path)
    else linkSync(to, path)
    return
  }
  writeFileSync(path, text)
  touch()
}
