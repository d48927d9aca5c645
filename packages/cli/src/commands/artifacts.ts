import { constants, copyFileSync, existsSync, mkdirSync, readdirSync, statSync } from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import type { Command } from 'commander'
import { didYouMean, nodesNamed, parseReference, preparePlan, type OutputRecord, type Prepared } from 'hone-engine'
import { columns } from '../terminal/columns.js'
import { size } from '../terminal/format.js'
import { pipelineOptions, type PipelineFlags, type Shell } from '../shell.js'

interface FoundArtifact extends OutputRecord {
  readonly node: string
  readonly port: string
  readonly path: string
}

/** The present artifacts that are meant; says what is wrong and answers undefined where there are none. */
function findArtifacts(shell: Shell, file: string, wanted: string, { plan, opened }: Prepared): readonly FoundArtifact[] | undefined {
  const reference = parseReference(wanted)
  if (!reference) return shell.refuse(`"${wanted}" names no stage: write STAGE or STAGE.PORT.`)
  const meant = nodesNamed(plan.graph, reference)
  if ('problem' in meant) return shell.refuse(`${file}: ${meant.problem}${meant.hint === undefined ? '' : `\n  hint: ${meant.hint}`}`)
  const named = meant.nodes.map(node => plan.nodes.get(node.id)!)
  const stale = named.filter(n => n.action !== 'hit')
  if (stale.length) return shell.refuse(`${stale[0]!.node.id} has no current result (${stale[0]!.action}: ${stale[0]!.reasons[0] ?? ''}).\n  hint: ${opened.commandFor(reference.stage)}`)
  const found = named.flatMap(n =>
    n.action !== 'hit'
      ? []
      : Object.entries(n.record.outputs)
          .filter(([port]) => reference.port === undefined || port === reference.port)
          .map(([port, output]) => ({ node: n.node.id as string, port, ...output, path: opened.store.pathOf(output) })),
  )
  if (found.length === 0) {
    const ports = new Set(named.flatMap(n => (n.action === 'hit' ? Object.keys(n.record.outputs) : [])))
    return shell.refuse(reference.port === undefined ? `${reference.stage} has no outputs.` : `${reference.stage} has no output "${reference.port}". ${didYouMean(reference.port, ports, 'Its outputs are') ?? ''}`.trimEnd())
  }
  return found
}

export function addArtifacts(program: Command, shell: Shell): void {
  pipelineOptions(program.command('artifacts').argument('<file>', 'pipeline').argument('<stage>', 'STAGE or STAGE.PORT'))
    .description('Where a stage’s present results are, or a copy of them.')
    .summary('Where a stage’s results are, or a copy of them.')
    .option('-o, --out <dir>', 'copy them into this folder; a single result that is a folder becomes it where it is new or empty')
    .addHelpText('after', '\nExample:\n  hone artifacts pipelines/quickstart.yaml tuned.adapter --out my-adapter')
    .action(async (file: string, wanted: string, flags: PipelineFlags & { out?: string }) => {
      const prepared = await preparePlan(shell.open(file, flags))
      if (!prepared.ok) {
        shell.diagnostics(prepared.diagnostics)
        return shell.exit(2)
      }
      const { store, registry } = prepared.value.opened
      try {
        const found = findArtifacts(shell, file, wanted, prepared.value)
        if (!found) return
        if (flags.out === undefined) {
          return shell.answer({ artifacts: found }, () => (found.length === 1 ? found[0]!.path : columns(found.map(a => [`${a.node}.${a.port}`, a.kind, size(a.bytes), a.path]))))
        }
        const out = resolve(flags.out)
        // One folder artifact becomes the folder itself, unless something is in it already; else each gets its name below it. What somebody added to a folder in the store is no part of it.
        const isItself = (a: FoundArtifact) => found.length === 1 && a.form === 'folder' && !(existsSync(out) && statSync(out).isDirectory() && readdirSync(out).length > 0)
        const copies = await Promise.all(
          found.map(async a => {
            const extension = a.form === 'file' ? registry.kind(a.kind)?.extension : undefined
            const name = found.length === 1 ? a.port : `${a.node}.${a.port}`
            const to = isItself(a) ? out : join(out, extension ? `${name}.${extension}` : name)
            return { from: a.path, to, files: (await store.entries(a)).map(entry => entry.path) }
          }),
        )
        const taken = copies.map(takenBy).find(path => path !== undefined)
        if (taken !== undefined) return shell.refuse(`${taken} is there already; nothing was copied.`)
        copies.forEach(copyFiles)
        shell.answer({ copied: copies.map(c => c.to) }, () => copies.map(c => `${basename(c.from).slice(0, 12)} → ${c.to}`).join('\n'))
      } finally {
        await store.close()
      }
    })
}

interface Copy {
  readonly from: string
  readonly to: string
  /** Below both; of a file one that is ''. */
  readonly files: readonly string[]
}

/** What stands where a file would be copied to, or where its folder would: folders are joined. */
function takenBy({ to, files }: Copy): string | undefined {
  const noFolder = (path: string) => (statSync(path).isDirectory() ? undefined : path)
  const above = nearestThere(to)
  const inTheWay = noFolder(above)
  if (inTheWay !== undefined || above !== to) return inTheWay
  for (const path of files.map(file => join(to, file))) {
    const there = nearestThere(path)
    const taken = there === path ? path : noFolder(there)
    if (taken !== undefined) return taken
  }
  return undefined
}

/** The path itself, or the lowest above it that is there. */
const nearestThere = (path: string): string => (existsSync(path) ? path : nearestThere(dirname(path)))

/** By reference where the file system can, and over nothing. `cpSync` looks three more times at each file, and sets its mode again. */
function copyFiles({ from, to, files }: Copy): void {
  if (files.length === 0) mkdirSync(to, { recursive: true })
  for (const folder of new Set(files.map(file => dirname(join(to, file))))) mkdirSync(folder, { recursive: true })
  for (const file of files) copyFileSync(join(from, file), join(to, file), constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE)
}
