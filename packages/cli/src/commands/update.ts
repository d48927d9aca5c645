import { join } from 'node:path'
import type { Command } from 'commander'
import { findProjectRoot, lockFile, openPipeline, readSecrets, updateReferences, userCache, type UpdateOptions } from 'hone-engine'
import { interrupts } from '../interrupts.js'
import { columns } from '../terminal/columns.js'
import { fetchDisplay } from '../terminal/fetching.js'
import { builtIn, type Shell } from '../shell.js'

/** Of the project that the current folder is in, or that `file` is in, whose plugins may bring kinds with references of their own. */
async function projectOf(shell: Shell, file: string | undefined): Promise<Pick<UpdateOptions, 'kinds' | 'projectRoot' | 'outside'> | undefined> {
  if (file === undefined) {
    const projectRoot = findProjectRoot(join(process.cwd(), 'pipeline.yaml'))
    const secrets = readSecrets(projectRoot, process.env)
    const kinds = [...new Set(builtIn().flatMap(plugin => plugin.definition.kinds ?? []))]
    return { kinds, projectRoot, outside: { cacheDir: userCache(), env: process.env, secretOf: name => secrets.get(name) } }
  }
  const opened = await openPipeline(shell.open(file, {}))
  if (!opened.ok) {
    shell.diagnostics(opened.diagnostics)
    shell.exit(2)
    return undefined
  }
  const { registry, references, graph, store } = opened.value
  await store.close()
  return { kinds: registry.kinds, projectRoot: graph.pipeline.projectRoot, outside: references.outside }
}

export function addUpdate(program: Command, shell: Shell): void {
  program
    .command('update')
    .argument('[reference]', 'hf:ORG/NAME@REVISION; without it all of hone.lock')
    .description('Moves references in hone.lock to what they mean now, and fetches that.')
    .summary('Moves what hone.lock pins, and fetches it.')
    .option('--locked', 'move nothing: fetch what hone.lock says')
    .option('--of <file>', 'with the kinds of this pipeline’s plugins')
    .addHelpText('after', '\nExample:\n  hone update hf:HuggingFaceTB/SmolLM2-135M-Instruct@main')
    .action(async (reference: string | undefined, flags: { locked?: boolean; of?: string }) => {
      const project = await projectOf(shell, flags.of)
      if (!project) return
      const { cancel, stop } = interrupts(message => shell.stderr.write(`${message}\n`))
      const updated = await updateReferences({ ...project, reference, locked: flags.locked, signal: cancel, ...(!shell.json && { onFetch: fetchDisplay(shell.stderr) }) })
      stop()
      if (!updated.ok) {
        shell.diagnostics(updated.diagnostics)
        return shell.exit(cancel.aborted ? 130 : 2)
      }
      shell.answer({ references: updated.value.map(u => ({ ...u, before: u.before ?? null, path: u.path ?? null })) }, () =>
        updated.value.length === 0
          ? shell.asTyped(`${lockFile} holds no reference; \`hone run\` adds those that a pipeline names.`)
          : columns(updated.value.map(({ reference, before, now, path }) => [reference, before === undefined ? now.slice(0, 12) : before === now ? `${now.slice(0, 12)}, as before` : `${before.slice(0, 12)} → ${now.slice(0, 12)}`, path ?? 'has no files of a kind that is known'])),
      )
    })
}
