// What the benchmarks of the engine share: a process from its start to its end, and how its costs are told.
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, realpathSync, writeFileSync } from 'node:fs'
import { cpus, loadavg, tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const root = fileURLToPath(new URL('..', import.meta.url))
export const hone = join(root, 'packages/cli/bin/hone.js')

/** CPU is user + system of the process and of all that it starts and waits for. Memory is the most that the process itself held. */
export interface Cost {
  readonly cpuMs: number
  readonly wallMs: number
  readonly peakMiB: number
}

/** A folder for one sitting; `--at DIR` in place of the system's. */
export const sitting = (at = tmpdir()): string => realpathSync(mkdtempSync(join(at, 'hone-bench-')))

export const machine = (): string => `${cpus()[0]?.model.trim()}, ${cpus().length} cores, Node ${process.version}, load ${loadavg().map(l => l.toFixed(1)).join(' ')}`

/**
 * What Node would be told of this machine alone: NODE_EXTRA_CA_CERTS makes it parse all certificates at each start, which can take twice as long as the start itself.
 * Left out for every tool.
 */
const ofMachine = { NODE_EXTRA_CA_CERTS: undefined }

/** Any command, timed by the shell, which alone can say what those that it waited for took. */
export function commandCost(command: readonly string[], cwd: string, env: Readonly<Record<string, string>> = {}): Cost {
  const note = join(cwd, '.peak')
  writeFileSync(note, '0')
  const started = performance.now()
  const ended = spawnSync('bash', ['-c', 'TIMEFORMAT="cpu %U %S"; time "$@"', 'time', ...command], { cwd, encoding: 'utf8', env: { ...process.env, ...ofMachine, HONE_HOME: '', ...env, PEAK_NOTE: note }, maxBuffer: 1 << 30 })
  const wallMs = performance.now() - started
  const times = /^cpu ([\d.]+) ([\d.]+)$/m.exec(ended.stderr)
  if (ended.status !== 0 || !times) throw new Error(`${command.join(' ').slice(0, 300)} ended with ${ended.status}\n${ended.stdout.slice(-2000)}\n${ended.stderr.slice(-2000)}`)
  return { cpuMs: (Number(times[1]) + Number(times[2])) * 1000, wallMs, peakMiB: Number(readFileSync(note, 'utf8')) / 1024 }
}

/** A Node program, which tells its peak memory itself. */
export function nodeCost(args: readonly string[], cwd: string): Cost {
  const probe = join(cwd, '.probe.cjs')
  writeFileSync(probe, "process.on('exit', () => { if (!process.send) require('fs').writeFileSync(process.env.PEAK_NOTE, String(process.resourceUsage().maxRSS)) })\n")
  return commandCost([process.execPath, '--require', probe, ...args], cwd)
}

export const median = (of: readonly number[]): number => [...of].sort((a, b) => a - b)[Math.floor(of.length / 2)]!
export const repeat = (times: number, one: () => Cost): Cost[] => Array.from({ length: times }, one)
export const cpuOf = (costs: readonly Cost[]): number => median(costs.map(c => c.cpuMs))

const amount = (ms: number): string => (ms < 10_000 ? `${ms.toFixed(ms < 10 ? 2 : 0)} ms` : `${(ms / 1000).toFixed(1)} s`)

/** One line: medians, the least CPU, the most memory where that is more than the median, and what is wanted. */
export function tell(name: string, costs: readonly Cost[], goal = ''): void {
  const least = costs.length > 1 ? ` (least ${amount(Math.min(...costs.map(c => c.cpuMs)))})` : ''
  const [peak, most] = [median(costs.map(c => c.peakMiB)), Math.max(...costs.map(c => c.peakMiB))]
  const memory = peak === 0 ? '' : `, ${peak.toFixed(0)} MiB${most > peak * 1.05 ? ` (most ${most.toFixed(0)})` : ''}`
  console.log(`${name.padEnd(48)} CPU ${amount(cpuOf(costs))}${least}, wall ${amount(median(costs.map(c => c.wallMs)))}${memory}${goal && `   goal ${goal}`}`)
}

/** A figure that was computed from costs. */
export const tellFigure = (name: string, ms: number, goal: string): void => console.log(`${name.padEnd(48)} ${amount(ms)}   goal ${goal}`)

/** A project of one pipeline and the files beside it. */
export function project(at: string, name: string, files: Readonly<Record<string, string>>): string {
  const dir = join(at, name)
  mkdirSync(dir)
  for (const [path, text] of Object.entries({ 'package.json': '{}', ...files })) writeFileSync(join(dir, path), text)
  return dir
}

/** The pipeline of `count` shell stages that rivals are compared on: `true`, and one small output each. */
export const shellStages = (count: number): string =>
  `stages:\n${Array.from({ length: count }, (_, i) => `  s${i}:\n    uses: command/shell\n    with:\n      command: 'true; echo ${i} > $HONE_OUTPUT_OUT'\n      outputs: { out: file }\n`).join('')}`

/** A matrix of one small stage of a local plugin; `light` ones run in a thread, others in a child process. */
export const cells = (count: number, light: boolean): Record<string, string> => ({
  'cell.mjs': `import { defineKind, definePlugin, defineStage } from 'hone-engine'
const cell = defineKind({ id: 'cell', form: 'file', summary: 'A number.' })
export default definePlugin({ name: 'cells', api: 1, kinds: [cell], stages: [defineStage({
  id: 'cell/write', version: 1, summary: 'Writes a number.', params: { schema: { type: 'object', properties: { i: { type: 'integer' } } } },
  inputs: {}, outputs: { out: { kind: cell } }, determinism: 'bytes', light: ${light}, run: () => import('./cell.run.mjs') })] })
`,
  'cell.run.mjs': `import { writeFileSync } from 'node:fs'
export default async function run({ params, outputs }) { writeFileSync(outputs.out.path, String(params.i)) }
`,
  'pipeline.yaml': `plugins: [./cell.mjs]\nstages:\n  cell:\n    uses: cell/write\n    matrix: { i: [${Array.from({ length: count }, (_, i) => i).join(', ')}] }\n    with: { i: "\${{ matrix.i }}" }\n`,
})
