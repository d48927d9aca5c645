// The same pipeline in hone and in other tools, side by side: npx tsx benchmarks/engine-rivals.ts [--runs 3] [--shells 300] [--nodes 1000] [--python BIN] [--node BIN]
// It installs nothing. For the others, anywhere outside the project:
//   python3 -m venv rivals && rivals/bin/pip install -r tests/interop/pipelines/requirements.txt          then --python rivals/bin
//   cp tests/interop/pipelines/package*.json rivals/ && npm ci --prefix rivals                             then --node rivals/node_modules/.bin
// A tool that is not there is left out, and the line says so. Each stage runs `true` and writes one small output that the tool keeps track of.
import { existsSync, mkdirSync, rmSync } from 'node:fs'
import { delimiter, join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { commandCost, cpuOf, hone, machine, median, project, repeat, shellStages, sitting, tell, type Cost } from './measure.js'

const { values } = parseArgs({ options: { runs: { type: 'string', default: '3' }, shells: { type: 'string', default: '300' }, nodes: { type: 'string', default: '1000' }, python: { type: 'string' }, node: { type: 'string' }, at: { type: 'string' } } })
const [runs, shells, nodes] = [values.runs, values.shells, values.nodes].map(Number) as [number, number, number]
const at = sitting(values.at)

interface Tool {
  readonly name: string
  /** Where its program is looked for; undefined for hone. */
  readonly bin?: string | undefined
  readonly program: string
  readonly files: (count: number) => Record<string, string>
  readonly before?: (dir: string, run: (args: readonly string[]) => void) => void
  readonly args: (count: number) => readonly string[]
}

const each = <T>(count: number, make: (i: number) => T): T[] => Array.from({ length: count }, (_, i) => make(i))
const jobs = '2'

const tools: readonly Tool[] = [
  { name: 'hone', program: process.execPath, files: count => ({ 'pipeline.yaml': shellStages(count) }), args: () => [hone, 'run', '-j', jobs, 'pipeline.yaml'] },
  {
    name: 'DVC',
    bin: values.python,
    program: 'dvc',
    files: count => ({ 'dvc.yaml': `stages:\n${each(count, i => `  s${i}:\n    cmd: true; echo ${i} > out${i}\n    outs: [out${i}]\n`).join('')}` }),
    before: (_, run) => run(['init', '--no-scm', '-q']),
    args: () => ['repro', '-q'],
  },
  {
    name: 'Snakemake',
    bin: values.python,
    program: 'snakemake',
    files: count => ({ Snakefile: `rule all:\n    input: [f"out{i}" for i in range(${count})]\n\n${each(count, i => `rule s${i}:\n    output: "out${i}"\n    shell: "true; echo ${i} > {output}"\n`).join('\n')}` }),
    args: () => ['--cores', jobs, '--quiet', 'all'],
  },
  {
    name: 'ninja',
    bin: values.python,
    program: 'ninja',
    files: count => ({ 'build.ninja': `rule true\n  command = true; echo $n > $out\n${each(count, i => `build out${i}: true\n  n = ${i}\n`).join('')}` }),
    args: () => ['-j', jobs, '--quiet'],
  },
  {
    name: 'wireit',
    bin: values.node,
    program: 'wireit',
    files: count => ({
      'package.json': JSON.stringify({
        scripts: { all: 'wireit', ...Object.fromEntries(each(count, i => [`s${i}`, 'wireit'])) },
        wireit: { all: { dependencies: each(count, i => `s${i}`) }, ...Object.fromEntries(each(count, i => [`s${i}`, { command: `true; echo ${i} > out${i}`, files: [], output: [`out${i}`] }])) },
      }),
    }),
    // It learns from npm which script was asked for.
    args: () => [],
  },
  {
    name: 'turbo',
    bin: values.node,
    program: 'turbo',
    files: count => ({
      'package.json': JSON.stringify({ name: 'bench', packageManager: 'npm@10.0.0', scripts: Object.fromEntries(each(count, i => [`s${i}`, `true; echo ${i} > out/${i}`])) }),
      'package-lock.json': JSON.stringify({ name: 'bench', lockfileVersion: 3, requires: true, packages: { '': { name: 'bench' } } }),
      'turbo.json': JSON.stringify({ tasks: Object.fromEntries(each(count, i => [`s${i}`, { inputs: ['package.json'], outputs: [`out/${i}`] }])) }),
    }),
    before: dir => void mkdirSync(join(dir, 'out')),
    args: count => ['run', ...each(count, i => `s${i}`), '--concurrency', jobs, '--no-daemon', '--output-logs=none'],
  },
]

const share = (theirs: number, ours: number) => (theirs >= ours ? `1/${(theirs / ours).toFixed(1)} of` : `${(ours / theirs).toFixed(1)} times`)
const ratio = (theirs: readonly Cost[], ours: readonly Cost[]) =>
  `hone takes ${share(cpuOf(theirs), cpuOf(ours))} its CPU, ${share(median(theirs.map(c => c.wallMs)), median(ours.map(c => c.wallMs)))} its time`

function compare(count: number, withFirst: boolean): void {
  let ours: { first: Cost[]; again: Cost[] } | undefined
  for (const tool of tools) {
    const bin = tool.bin && resolve(tool.bin)
    const program = bin ? join(bin, tool.program) : tool.program
    if (tool.name !== 'hone' && (!bin || !existsSync(program))) {
      console.log(`${tool.name.padEnd(48)} not measured: give ${tool.program === 'wireit' || tool.program === 'turbo' ? '--node' : '--python'}`)
      continue
    }
    const dir = project(at, `${tool.program.replaceAll('/', '_')}-${count}`, tool.files(count))
    const env = { PATH: `${bin ?? ''}${delimiter}${process.env.PATH}`, DVC_NO_ANALYTICS: '1', TURBO_TELEMETRY_DISABLED: '1', DO_NOT_TRACK: '1', WIREIT_PARALLEL: jobs, WIREIT_LOGGER: 'quiet-ci', CI: '', ...(tool.name === 'wireit' && { npm_lifecycle_event: 'all', npm_package_json: join(dir, 'package.json'), npm_config_user_agent: 'npm/10.0.0' }) }
    const run = (args: readonly string[]) => commandCost([program, ...args], dir, env)
    try {
      tool.before?.(dir, args => void run(args))
      const first = [run(tool.args(count))]
      if (withFirst) tell(`${count} stages, ${tool.name}, first run`, first)
      const again = repeat(runs, () => run(tool.args(count)))
      tell(`${count} stages, ${tool.name}, nothing to do`, again)
      if (ours) console.log(`  ${withFirst ? `first run: ${ratio(first, ours.first)}; ` : ''}nothing to do: ${ratio(again, ours.again)}`)
      else ours = { first, again }
    } catch (error) {
      console.log(`${tool.name}: ${(error as Error).message.slice(0, 1500)}`)
    }
  }
}

// Nothing is removed before the end, as in engine.ts.
try {
  console.log(`${machine()}, ${runs} runs each, ${jobs} at once where the tool has jobs`)
  compare(shells, true)
  compare(nodes, false)
} finally {
  rmSync(at, { recursive: true, force: true })
}
