import { createReadStream, existsSync, readFileSync } from 'node:fs'
import { pipeline as pump } from 'node:stream/promises'
import type { Command } from 'commander'
import { didYouMean, followRow, logFile, nodesMeant, parseReference, shellWord, type FileStore, type RunOutput, type RunState, type StageState } from 'hone-engine'
import { columns } from '../terminal/columns.js'
import { duration, number, size } from '../terminal/format.js'
import { rowWay } from '../terminal/row-way.js'
import { failureText, shownMetrics, type Surroundings } from '../terminal/summary.js'
import { findRun, openHere, runArgument, type Run } from './find-run.js'
import type { Shell } from '../shell.js'

interface ShowFlags {
  log?: boolean
  row?: string
}

export function addShow(program: Command, shell: Shell): void {
  program
    .command('show')
    .argument('<run>', runArgument)
    .argument('[stage]', 'one stage of it')
    .description('One run’s stages and metrics, one stage’s with its log, or a row’s whole way through it.')
    .summary('One run’s stages and metrics, or one stage’s log.')
    .option('--log', 'what the stage printed')
    .option('--row <id>', 'the row of this id, what it was made of and what was made of it, stage by stage')
    .addHelpText('after', '\nExamples:\n  hone show last tuned --log\n  hone show last --row 7eba4228a5d8341c')
    .action(async (wanted: string, stageName: string | undefined, flags: ShowFlags) => {
      const run = await findRun(shell, wanted)
      if (!run) return
      const { id, dir, state } = run
      if (flags.log && stageName === undefined) return shell.refuse(`--log is of one stage: hone show ${wanted} STAGE --log. There are ${[...state.stages.keys()].join(', ')}.`)
      const stage = stageName === undefined ? undefined : stageNamed(shell, run, stageName)
      if (stageName !== undefined && !stage) return
      if (flags.row !== undefined) return showRow(shell, id, stage ? [stage] : [...state.stages.values()], flags.row)
      if (!stage) return showRun(shell, id, state)
      const log = logFile(dir, stage.stage)
      if (flags.log && shell.json) return shell.answer({ run: id, stage: stage.stage, text: existsSync(log) ? readFileSync(log, 'utf8') : '' }, () => '')
      if (!flags.log) return showStage(shell, id, stage, existsSync(log) ? log : null)
      if (!existsSync(log)) shell.stderr.write(`${stage.stage} printed nothing.\n`)
      else await pump(createReadStream(log), shell.stdout, { end: false })
    })
}

/** Says why there is none, or which of several are meant, and answers undefined. */
function stageNamed(shell: Shell, { id, state: { stages } }: Run, name: string): StageState | undefined {
  const wanted = parseReference(name)
  const nodes = [...stages.keys()].map(node => ({ id: node, stage: parseReference(node)?.stage, labels: parseReference(node)?.member ?? {} })).filter(({ stage }) => stage === wanted?.stage)
  if (!wanted || nodes.length === 0) return shell.refuse(`The run ${id} has no stage "${name}". ${didYouMean(name, stages.keys()) ?? `There are ${[...stages.keys()].join(', ')}.`}`)
  const meant = nodesMeant(wanted, nodes)
  if ('problem' in meant) return shell.refuse(`The run ${id}: ${meant.problem} ${meant.hint ?? ''}`.trimEnd())
  const [node, second] = meant.nodes
  if (second) return shell.refuse(`"${name}" means ${meant.nodes.length} of the run ${id}; name one of ${meant.nodes.map(n => n.id).join(', ')}.`)
  return stages.get(node!.id)
}

const around = (shell: Shell): Surroundings => ({ palette: shell.out, cwd: process.cwd(), asTyped: shell.asTyped })

function showRun(shell: Shell, run: string, state: RunState): void {
  const { out } = shell
  const stages = [...state.stages.values()]
  const metrics = (stage: StageState) => shownMetrics(stage.metrics, 3).map(([name, value]) => `${name} ${number(value)}`).join(', ')
  const params = Object.entries((state.params ?? {}) as Record<string, unknown>)
  const status = state.status === 'running' ? 'unfinished' : state.status
  shell.answer(
    { run, pipeline: state.pipeline, file: state.file, status: state.status, startedAt: state.startedAt ?? null, durationMs: state.durationMs ?? null, args: state.args, params: state.params, stages: Object.fromEntries(stages.map(s => [s.stage, { status: s.status, durationMs: s.durationMs, metrics: s.metrics, because: s.because }])) },
    () =>
      [
        `${out.bold(state.pipeline)} (${state.file}) ${status}${state.durationMs === undefined ? '' : ` in ${duration(state.durationMs)}`}`,
        out.dim(`${run}, begun ${state.startedAt?.slice(0, 19).replace('T', ' ') ?? 'at a time that is not known'} UTC`),
        out.dim(`hone ${state.args.map(shellWord).join(' ')}`),
        ...(params.length > 0 ? [out.dim(`params: ${params.map(([name, value]) => `${name} ${JSON.stringify(value)}`).join(', ')}`)] : []),
        '',
        columns(stages.map(s => [s.stage, out.dim(s.uses), s.status === 'failed' ? out.red(s.status) : s.status, s.durationMs === undefined || s.status === 'hit' || s.status === 'skipped' ? '' : duration(s.durationMs), metrics(s) || (s.because[0] ?? '')])),
        ...stages.flatMap(s => (s.status === 'failed' ? s.failures.slice(-1).map(f => `\n${failureText(s.stage, s.uses, f, around(shell))}`) : [])),
      ].join('\n'),
  )
}

function showStage(shell: Shell, run: string, stage: StageState, log: string | null): void {
  shell.answer(
    { run, stage: stage.stage, uses: stage.uses, status: stage.status, because: stage.because, key: stage.key, durationMs: stage.durationMs, metrics: stage.metrics, outputs: stage.outputs, warnings: stage.warnings, failures: stage.failures, log },
    () =>
      [
        `${shell.out.bold(stage.stage)} (${stage.uses}): ${stage.status}${stage.durationMs === undefined ? '' : ` in ${duration(stage.durationMs)}`}`,
        ...stage.because.map(b => `  because: ${b}`),
        ...(stage.key ? [`  key: ${stage.key}`] : []),
        ...Object.entries(stage.metrics).map(([name, value]) => `  ${name}: ${number(value)}`),
        ...Object.entries(stage.outputs).map(([port, o]) => `  ${port}: ${o.kind}, ${size(o.bytes)}, ${o.path}`),
        ...(log === null ? [] : [shell.asTyped(`  log: hone show ${run} ${shellWord(stage.stage)} --log`)]),
        ...stage.warnings.map(w => shell.out.yellow(`  warning: ${w}`)),
        ...stage.failures.map(f => failureText(stage.stage, stage.uses, f, around(shell))),
      ].join('\n'),
  )
}

async function showRow(shell: Shell, run: string, stages: readonly StageState[], id: string): Promise<void> {
  const store = await openHere()
  const outputs = stages.flatMap(stage => outputsOf(stage, store))
  const found = await followRow(outputs, id)
  await store.close()
  if (found.length > 0) return shell.answer({ run, id, found }, () => rowWay(found, shell.out, shell.width))
  const gone = outputs.filter(o => !existsSync(o.path)).length
  shell.refuse(`No output ${stages.length === 1 ? `of ${stages[0]!.stage} ` : ''}of the run ${run} has a row with the id "${id}".${gone > 0 ? ` ${gone} of its ${outputs.length} outputs are no longer in the store.` : ''}`)
}

/** Where they lie now: the project may have been moved since the run. */
const outputsOf = ({ stage, uses, key, outputs }: StageState, store: FileStore): RunOutput[] => {
  const record = key ? store.recordOf(key) : undefined
  return Object.entries(outputs).map(([port, { kind, path }]) => {
    const output = record?.outputs[port]
    return { stage, uses, port, kind, path: output ? store.pathOf(output) : path }
  })
}
