import type { Command } from 'commander'
import { emptyState, exitCode, planPipeline, runPipeline, type RunOptions } from 'hone-engine'
import { fetchDisplay } from '../terminal/fetching.js'
import { plainDisplay } from '../terminal/plain.js'
import { runSummary } from '../terminal/summary.js'
import { planTable } from '../terminal/plan-table.js'
import { interrupts } from '../interrupts.js'
import { collect, pipelineOptions, type PipelineFlags, type Shell } from '../shell.js'

interface RunFlags extends PipelineFlags {
  force?: string[]
  only?: string
  from?: string
  refresh?: string[]
  jobs?: number
  keepGoing?: boolean
  dryRun?: boolean
}

export function addRun(program: Command, shell: Shell): void {
  pipelineOptions(program.command('run').argument('<file>', 'pipeline').argument('[stages...]', 'only these and what they need'))
    .description('Runs what is stale, reuses the rest.')
    .option('--force [=stage]', 'run it though it is a hit; without a name all that is selected', collect)
    .option('--only <stage>', 'this stage alone; what it needs must be hits')
    .option('--from <stage>', 'this stage and all that follows, anew')
    .option('--refresh <stage>', 'fetch its outside data anew', collect)
    .option('-j, --jobs <n>', 'stages at once', shell.positiveInteger)
    .option('-k, --keep-going', 'after a failure go on with what does not depend on it')
    .option('-n, --dry-run', 'only say what would run, as `hone plan`')
    .addHelpText('after', '\nExample:\n  hone run pipelines/quickstart.yaml --set rank=32')
    .action(async (file: string, stages: string[], flags: RunFlags) => {
      const options: RunOptions = {
        ...shell.open(file, flags),
        ...(stages.length > 0 && { stages }),
        ...(flags.force && { force: flags.force.includes('') ? true : flags.force }),
        ...(flags.only && { only: flags.only }),
        ...(flags.from && { from: flags.from }),
        ...(flags.refresh && { refresh: flags.refresh }),
        ...(flags.jobs !== undefined && { jobs: flags.jobs }),
        ...(flags.keepGoing && { keepGoing: true }),
        args: shell.args,
      }
      const afterForce = shell.args[shell.args.indexOf('--force') + 1]
      if (flags.force?.includes('') && afterForce !== undefined && stages.includes(afterForce)) {
        shell.stderr.write(`--force by itself is of all that is selected: ${stages.join(', ')} with what ${stages.length > 1 ? 'they need' : 'it needs'}. Of ${afterForce} alone: --force=${afterForce}\n`)
      }
      if (flags.dryRun) {
        const plan = await planPipeline(options)
        if (!plan.ok || !shell.json) shell.diagnostics(plan.diagnostics)
        if (!plan.ok) return shell.exit(2)
        return shell.answer(planTable.json(plan.value), () => planTable.text(plan.value, shell.out, shell.width))
      }
      const { stdout, stderr } = shell
      const state = emptyState()
      const isLive = !shell.json && stdout.isTTY && !process.env.CI && process.env.TERM !== 'dumb'
      // What redraws a terminal takes longer to load than a pipe takes to be written.
      const live = isLive ? (await import('../terminal/live.js')).liveDisplay(stdout, shell.out, state) : undefined
      const plain = shell.json || isLive ? undefined : plainDisplay(line => stdout.write(`${line}\n`), () => Date.now(), state)
      const ticking = plain && setInterval(() => plain.tick(), 1000).unref()
      const display = live ?? plain
      let shown = false
      const { cancel, kill, stop } = interrupts(message => (shown && live ? live.say(message) : stderr.write(`${message}\n`)))
      const outcome = await runPipeline({ ...options, cancel, kill, ...(!shell.json && { onFetch: fetchDisplay(stderr) }) }, [
        event => {
          if (shell.json) stdout.write(`${JSON.stringify(event)}\n`)
          if (event.type === 'diagnostic' && !shell.json) shell.diagnostics([event.diagnostic])
          display?.event(event)
          shown = true
        },
      ])
      stop()
      clearInterval(ticking)
      if (outcome.status === 'refused') {
        shell.diagnostics(outcome.diagnostics)
        return shell.exit(cancel.aborted ? 130 : 2)
      }
      if (shown) display?.stop()
      if (!shell.json) stdout.write(runSummary(state, { palette: shell.out, cwd: process.cwd(), asTyped: shell.asTyped, file, width: shell.width }))
      shell.exit(exitCode(outcome))
    })
}
