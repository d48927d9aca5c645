import type { Command } from 'commander'
import { compareRuns, shellWord } from 'hone-engine'
import { comparison } from '../terminal/comparison.js'
import { findRun, openHere, runArgument } from './find-run.js'
import type { Shell } from '../shell.js'

export function addCompare(program: Command, shell: Shell): void {
  program
    .command('compare')
    .argument('<before>', runArgument)
    .argument('<after>', 'the same')
    .description('What changed from one run to another, and what it did to the metrics.')
    .summary('What changed from one run to another.')
    .addHelpText('after', '\nExample:\n  hone compare last~1 last')
    .action(async (wantedBefore: string, wantedAfter: string) => {
      const before = await findRun(shell, wantedBefore)
      const after = before && (await findRun(shell, wantedAfter))
      if (!before || !after) return
      const store = await openHere()
      const compared = compareRuns(before.state, after.state, key => store.recordOf(key))
      await store.close()
      const run = ({ id, state }: typeof before) => ({ run: id, pipeline: state.pipeline, status: state.status })
      const [was, is] = [before.state.pipeline, after.state.pipeline]
      const note = was === is ? '' : shell.asTyped(`These are runs of different pipelines, ${was} and ${is}; hone runs --pipeline ${shellWord(is)} lists those of one.\n\n`)
      shell.answer({ before: run(before), after: run(after), ...compared }, () => `${note}${comparison(before, after, compared, shell.out)}`)
    })
}
