import { createReadStream, existsSync, readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { pipeline as pump } from 'node:stream/promises'
import type { Command } from 'commander'
import { didYouMean, findProjectRoot, foldLog, logFile, readEvents, storeRoot, type RunState } from 'hone-engine'
import { columns } from '../terminal/columns.js'
import { duration, number, size } from '../terminal/format.js'
import { failureText } from '../terminal/summary.js'
import { type Shell } from '../shell.js'

/** The folder of all runs of the project that the current folder is in. */
export const runsFolder = () => join(storeRoot(findProjectRoot(join(process.cwd(), 'pipeline.yaml'))), 'runs')

const runIds = (runs: string): string[] => (existsSync(runs) ? readdirSync(runs).sort().reverse() : [])

/** A run by its id, by the beginning of it, or `last`. */
function findRun(runs: string, wanted: string): string | undefined {
  const ids = runIds(runs)
  return wanted === 'last' ? ids[0] : (ids.find(id => id === wanted) ?? ids.find(id => id.startsWith(wanted)))
}

const counted = (state: RunState) => {
  const counts = new Map<string, number>()
  for (const { status } of state.stages.values()) counts.set(status, (counts.get(status) ?? 0) + 1)
  return [...counts].map(([status, n]) => `${n} ${status}`).join(', ')
}

export function addHistory(program: Command, shell: Shell): void {
  const none = (runs: string, wanted: string) => {
    const near = didYouMean(wanted, runIds(runs).slice(0, 50))
    return shell.refuse(`There is no run "${wanted}" in ${runs}.${near ? ` ${near}` : ''} \`hone runs\` lists them.`)
  }

  program
    .command('runs')
    .description('The runs of this project, newest first.')
    .option('-n, --limit <n>', 'how many', shell.positiveInteger, 20)
    .option('--pipeline <name>', 'only those of this pipeline')
    .addHelpText('after', '\nExample:\n  hone runs --pipeline quickstart')
    .action(async (flags: { limit: number; pipeline?: string }) => {
      const runs = runsFolder()
      const found: { run: string; pipeline: string; file: string; status: string; startedAt: string | null; durationMs: number | null; stages: string }[] = []
      for (const run of runIds(runs)) {
        if (found.length === flags.limit) break
        const state = await foldLog(readEvents(join(runs, run)))
        if (flags.pipeline !== undefined && state.pipeline !== flags.pipeline) continue
        found.push({ run, pipeline: state.pipeline, file: state.file, status: state.status === 'running' ? 'unfinished' : state.status, startedAt: state.startedAt ?? null, durationMs: state.durationMs ?? null, stages: counted(state) })
      }
      shell.answer({ runs: found }, () =>
        found.length === 0
          ? 'No runs yet.'
          : columns([
              ['run', 'pipeline', 'status', 'took', 'stages'].map(shell.out.dim),
              ...found.map(r => [r.run, r.pipeline, r.status === 'succeeded' ? shell.out.green(r.status) : shell.out.yellow(r.status), r.durationMs === null ? '' : duration(r.durationMs), r.stages]),
            ]),
      )
    })

  program
    .command('show')
    .argument('<run>', 'its id, the beginning of it, or `last`')
    .argument('[stage]', 'one stage of it')
    .description('One run’s stages and metrics, or one stage’s, with its log.')
    .option('--log', 'what the stage printed')
    .addHelpText('after', '\nExample:\n  hone show last tuned --log')
    .action(async (wanted: string, stageName: string | undefined, flags: { log?: boolean }) => {
      const runs = runsFolder()
      const run = findRun(runs, wanted)
      if (run === undefined) return none(runs, wanted)
      const state = await foldLog(readEvents(join(runs, run)))
      if (stageName === undefined) {
        const stages = [...state.stages.values()]
        return shell.answer(
          { run, pipeline: state.pipeline, file: state.file, status: state.status, args: state.args, params: state.params, stages: Object.fromEntries(stages.map(s => [s.stage, { status: s.status, durationMs: s.durationMs, metrics: s.metrics, because: s.because }])) },
          () =>
            `${shell.out.bold(state.pipeline)} (${state.file}) ${state.status}${state.durationMs === undefined ? '' : ` in ${duration(state.durationMs)}`}\n${shell.out.dim(`hone ${state.args.join(' ')}`)}\n\n` +
            columns(stages.map(s => [s.stage, s.uses, s.status, s.durationMs === undefined ? '' : duration(s.durationMs), s.because[0] ?? ''])),
        )
      }
      const stage = state.stages.get(stageName)
      if (!stage) return shell.refuse(`The run ${run} has no stage "${stageName}". ${didYouMean(stageName, state.stages.keys()) ?? `There are ${[...state.stages.keys()].join(', ')}.`}`)
      const log = logFile(join(runs, run), stageName)
      if (flags.log && shell.json) return shell.answer({ run, stage: stageName, text: existsSync(log) ? readFileSync(log, 'utf8') : '' }, () => '')
      if (flags.log) {
        if (!existsSync(log)) shell.stderr.write(`${stageName} printed nothing.\n`)
        else await pump(createReadStream(log), shell.stdout, { end: false })
        return
      }
      shell.answer(
        { run, stage: stage.stage, uses: stage.uses, status: stage.status, because: stage.because, key: stage.key, durationMs: stage.durationMs, metrics: stage.metrics, outputs: stage.outputs, warnings: stage.warnings, failures: stage.failures, log: existsSync(log) ? log : null },
        () =>
          [
            `${shell.out.bold(stage.stage)} (${stage.uses}): ${stage.status}${stage.durationMs === undefined ? '' : ` in ${duration(stage.durationMs)}`}`,
            ...stage.because.map(b => `  because: ${b}`),
            ...(stage.key ? [`  key: ${stage.key}`] : []),
            ...Object.entries(stage.metrics).map(([name, value]) => `  ${name}: ${number(value)}`),
            ...Object.entries(stage.outputs).map(([port, o]) => `  ${port}: ${o.kind}, ${size(o.bytes)}, ${o.path}`),
            ...stage.warnings.map(w => shell.out.yellow(`  warning: ${w}`)),
            ...stage.failures.map(f => failureText(stage.stage, stage.uses, f, shell.out, process.cwd())),
          ].join('\n'),
      )
    })
}
