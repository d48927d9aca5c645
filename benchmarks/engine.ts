// What the engine itself costs: npx tsx benchmarks/engine.ts [--runs 5] [--nodes 1000] [--written 1000] [--shells 300]
// Runs the built program (npm run build before) on pipelines that it makes in a temporary folder. The figures of docs/performance.md come from here.
// CPU is user + system of the process and of all that it starts and waits for; the median of the runs is told, and the least. No rival is run here.
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { cpus, loadavg, tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

const { values } = parseArgs({ options: { runs: { type: 'string', default: '5' }, nodes: { type: 'string', default: '1000' }, written: { type: 'string', default: '1000' }, shells: { type: 'string', default: '300' } } })
const [runs, nodes, written, shells] = [values.runs, values.nodes, values.written, values.shells].map(Number) as [number, number, number, number]

const root = fileURLToPath(new URL('..', import.meta.url))
const hone = join(root, 'packages/cli/bin/hone.js')
const at = realpathSync(mkdtempSync(join(tmpdir(), 'hone-bench-')))

interface Cost {
  readonly cpuMs: number
  readonly wallMs: number
  readonly peakMiB: number
}

// Told by the process itself when it ends: those that it waited for are in the times of its children, which only the shell can say.
const probe = join(at, 'probe.cjs')
writeFileSync(probe, "process.on('exit', () => { if (process.env.HONE_PROBE && !process.send) require('fs').writeFileSync(process.env.HONE_PROBE, String(process.resourceUsage().maxRSS)) })\n")

/** One process from its start to its end. */
function cost(args: readonly string[], cwd: string, wanted = 0): Cost {
  const note = join(at, 'rss')
  const started = performance.now()
  const ended = spawnSync('bash', ['-c', 'TIMEFORMAT="cpu %U %S"; time "$@"', 'time', process.execPath, '--require', probe, ...args], { cwd, encoding: 'utf8', env: { ...process.env, HONE_PROBE: note, HONE_HOME: '' }, maxBuffer: 1 << 28 })
  const wallMs = performance.now() - started
  const times = /^cpu ([\d.]+) ([\d.]+)$/m.exec(ended.stderr)
  if (ended.status !== wanted || !times) throw new Error(`${args.join(' ')} ended with ${ended.status}\n${ended.stdout.slice(-2000)}\n${ended.stderr.slice(-2000)}`)
  return { cpuMs: (Number(times[1]) + Number(times[2])) * 1000, wallMs, peakMiB: Number(readFileSync(note, 'utf8')) / 1024 }
}

const median = (of: readonly number[]) => [...of].sort((a, b) => a - b)[Math.floor(of.length / 2)]!
let base = 0

function tell(name: string, costs: readonly Cost[]): void {
  const cpu = costs.map(c => c.cpuMs)
  const part = base ? `, ${(median(cpu) / base).toFixed(1)} times node -e 0` : ''
  console.log(`${name.padEnd(44)} CPU ${median(cpu).toFixed(0)} ms (least ${Math.min(...cpu).toFixed(0)}${part}), wall ${median(costs.map(c => c.wallMs)).toFixed(0)} ms, ${Math.max(...costs.map(c => c.peakMiB)).toFixed(0)} MiB`)
}

const several = (name: string, args: readonly string[], cwd: string) => tell(name, Array.from({ length: runs }, () => cost(args, cwd)))

function project(name: string, yaml: string): string {
  const dir = join(at, name)
  mkdirSync(dir)
  writeFileSync(join(dir, 'package.json'), '{}')
  writeFileSync(join(dir, 'pipeline.yaml'), yaml)
  return dir
}

/** What the `yaml` package alone takes of a file. */
function parseCost(dir: string): void {
  const yaml = join(root, 'packages/engine/node_modules/yaml')
  several('  the yaml package alone, to parse that file', ['-e', `require(${JSON.stringify(yaml)}).parseDocument(require('fs').readFileSync('pipeline.yaml', 'utf8'))`], dir)
}

try {
  console.log(`${cpus()[0]?.model.trim()}, ${cpus().length} cores, Node ${process.version}, load ${loadavg().map(l => l.toFixed(1)).join(' ')}, ${runs} runs each`)
  const start = Array.from({ length: runs }, () => cost(['-e', '0'], at))
  base = median(start.map(c => c.cpuMs))
  tell('node -e 0', start)
  several('hone --version', [hone, '--version'], at)
  several('hone validate pipelines/quickstart.yaml', [hone, 'validate', 'pipelines/quickstart.yaml'], root)

  const axes = Array.from({ length: nodes }, (_, i) => i).join(', ')
  const matrix = project('matrix', `stages:\n  cell:\n    uses: command/shell\n    matrix: { i: [${axes}] }\n    with: { command: 'echo \${{ matrix.i }} > $HONE_OUTPUT_OUT', outputs: { out: file } }\n`)
  tell(`${nodes} nodes of a matrix, first run`, [cost([hone, 'run', 'pipeline.yaml'], matrix)])
  several(`${nodes} nodes of a matrix, nothing to do`, [hone, 'run', 'pipeline.yaml'], matrix)

  const stage = (i: number, command: string) => `  s${i}:\n    uses: command/shell\n    with:\n      command: ${command}\n      outputs: { out: file }\n`
  const listed = project('written', `stages:\n${Array.from({ length: written }, (_, i) => stage(i, `echo ${i} > $HONE_OUTPUT_OUT`)).join('')}`)
  tell(`${written} stages written out, first run`, [cost([hone, 'run', 'pipeline.yaml'], listed)])
  several(`${written} stages written out, nothing to do`, [hone, 'run', 'pipeline.yaml'], listed)
  parseCost(listed)

  const trues = project('true', `stages:\n${Array.from({ length: shells }, (_, i) => stage(i, `'true; echo ${i} > $HONE_OUTPUT_OUT'`)).join('')}`)
  tell(`${shells} shell stages of true, first run`, [cost([hone, 'run', 'pipeline.yaml'], trues)])
  several(`${shells} shell stages of true, nothing to do`, [hone, 'run', 'pipeline.yaml'], trues)
} finally {
  rmSync(at, { recursive: true, force: true })
}
