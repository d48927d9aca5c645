import type { Command } from 'commander'
import { adoptStage, collectGarbage, inventory, pinRun, verifyStore } from 'hone-engine'
import { columns } from '../terminal/columns.js'
import { duration, size } from '../terminal/format.js'
import { findRunId, openHere, runArgument } from './find-run.js'
import { pipelineOptions, type PipelineFlags, type Shell } from '../shell.js'

export function addCache(program: Command, shell: Shell): void {
  const cache = program.command('cache').description('The artifact store.').addHelpText('after', '\nExample:\n  hone cache ls')

  cache
    .command('ls')
    .description('The stored results, newest first.')
    .addHelpText('after', '\nExample:\n  hone cache ls')
    .action(async () => {
      const store = await openHere()
      const rows = (await inventory(store)).map(({ record: { key, node, uses, finishedAt, durationMs, adoptedFrom }, bytes, isWhole }) => ({ key, node, uses, finishedAt, durationMs, bytes, isWhole, ...(adoptedFrom !== undefined && { adoptedFrom }) }))
      await store.close()
      shell.answer({ records: rows }, () => (rows.length ? columns(rows.map(r => [r.key.slice(0, 12), r.node, shell.out.dim(r.uses), size(r.bytes), duration(r.durationMs), r.finishedAt.slice(0, 19).replace('T', ' '), [r.adoptedFrom && `adopted from ${r.adoptedFrom.slice(0, 12)}`, !r.isWhole && shell.out.yellow('not whole')].filter(Boolean).join(', ')])) : 'The store is empty.'))
    })

  cache
    .command('verify')
    .description('Hashes everything and moves aside what is wrong; the next run makes it anew. Exits 1 when something was.')
    .addHelpText('after', '\nExample:\n  hone cache verify')
    .action(async () => {
      const store = await openHere()
      const report = await verifyStore(store)
      await store.close()
      shell.answer(report, () =>
        [`${report.objects} objects, ${size(report.bytes)}: ${report.moved.length ? `${report.moved.length} were wrong and lie in quarantine/` : 'all are what their names say'}`, ...report.moved.map(m => `  ${m.path}: ${m.problem}`), ...report.lost.map(r => `  lost: ${r.node} (${r.uses})`)].join('\n'),
      )
      if (report.moved.length + report.lost.length > 0) shell.exit(1)
    })

  cache
    .command('gc')
    .description('Removes what neither the last successful run of a pipeline, nor a recent or pinned run needs.')
    .addHelpText('after', '\nExample:\n  hone cache gc --keep 3 --dry-run')
    .option('--keep <n>', 'how many recent runs keep their results', shell.positiveInteger, 10)
    .option('-n, --dry-run', 'only say what would go')
    .action(async (flags: { keep: number; dryRun?: boolean }) => {
      const store = await openHere()
      const report = collectGarbage(store, { keep: flags.keep, dryRun: flags.dryRun ?? false })
      await store.close()
      shell.answer(report, () => `${flags.dryRun ? 'Would remove' : 'Removed'} ${report.records} results and ${report.objects} objects, ${size(report.bytes)}; ${report.keptRuns.length} runs keep theirs.`)
    })

  cache
    .command('pin')
    .argument('<run>', runArgument)
    .description('Keeps the results of a run whatever `gc` removes.')
    .addHelpText('after', '\nExample:\n  hone cache pin last')
    .option('--remove', 'no longer')
    .action(async (wanted: string, flags: { remove?: boolean }) => {
      const run = findRunId(shell, wanted)
      if (run === undefined) return
      const store = await openHere()
      pinRun(store, run, !flags.remove)
      await store.close()
      shell.answer({ run, pinned: !flags.remove }, () => `${run} is ${flags.remove ? 'no longer pinned' : 'pinned'}.`)
    })

  pipelineOptions(cache.command('adopt').argument('<file>', 'pipeline').argument('<stage>', 'stage'))
    .description('Keeps an old result under the new key after a harmless edit of a stage’s code, and says so ever after.')
    .addHelpText('after', '\nExample:\n  hone cache adopt pipelines/quickstart.yaml tuned')
    .action(async (file: string, stage: string, flags: PipelineFlags) => {
      const adopted = await adoptStage(shell.open(file, flags), stage)
      if (!adopted.ok) {
        shell.diagnostics(adopted.diagnostics)
        return shell.exit(2)
      }
      shell.answer({ nodes: adopted.value }, () =>
        adopted.value
          .map(a => (a.type === 'adopted' ? `${a.node}: the result of ${a.record.finishedAt.slice(0, 10)} is kept under the new key` : a.type === 'already-a-hit' ? `${a.node}: is a hit already` : `${a.node}: not adopted: ${a.reasons.join('; ')}`))
          .join('\n'),
      )
      if (adopted.value.some(a => a.type === 'refused')) shell.exit(1)
    })
}
