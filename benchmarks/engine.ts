// What the engine itself costs: npx tsx benchmarks/engine.ts [--runs 5] [--nodes 1000,10000,100000] [--written 1000] [--shells 300] [--children 100] [--at DIR]
// Runs the built program (npm run build before) on pipelines that it makes in a temporary folder. The figures of docs/performance.md come from here;
// other tools on the same cases: engine-rivals.ts; large outputs: engine-store.ts. With 100,000 nodes it takes about ten minutes.
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { cells, cpuOf, hone, machine, nodeCost, project, repeat, root, shellStages, sitting, tell, tellFigure, type Cost } from './measure.js'

const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '5' },
    nodes: { type: 'string', default: '1000,10000,100000' },
    written: { type: 'string', default: '1000' },
    shells: { type: 'string', default: '300' },
    children: { type: 'string', default: '100' },
    at: { type: 'string' },
  },
})
const runs = Number(values.runs)
const at = sitting(values.at)
const several = (args: readonly string[], cwd: string, times = runs) => repeat(times, () => nodeCost(args, cwd))

/** Runs a pipeline for the first time, then with nothing to do. */
function twice(name: string, dir: string, goal: { readonly first?: string; readonly again?: string }, times = runs): { first: Cost; again: readonly Cost[] } {
  const first = nodeCost([hone, 'run', 'pipeline.yaml'], dir)
  tell(`${name}, first run`, [first], goal.first)
  const again = several([hone, 'run', 'pipeline.yaml'], dir, times)
  tell(`${name}, nothing to do`, again, goal.again)
  return { first, again }
}

const overhead = ({ first, again }: { first: Cost; again: readonly Cost[] }, count: number) => (first.cpuMs - cpuOf(again)) / count

const nothingToDo: Readonly<Record<number, string>> = { 1000: '≤ 150 ms, 100 MB', 10000: '≤ 600 ms, 250 MB', 100000: '≤ 6 s, 1.5 GB' }

// Nothing is removed before the end: ext4 without a journal makes files the more slowly the more were removed in the minutes before.
try {
  console.log(`${machine()}, ${runs} runs each`)
  tell('node -e 0', several(['-e', '0'], at))
  tell('hone --version', several([hone, '--version'], at), '≤ 1.5 times node -e 0')
  tell('hone validate pipelines/quickstart.yaml', several([hone, 'validate', join(root, 'pipelines/quickstart.yaml')], at), '≤ 250 ms')

  for (const nodes of values.nodes.split(',').map(Number)) {
    const dir = project(at, `matrix-${nodes}`, cells(nodes, true))
    const costs = twice(`${nodes} nodes of a matrix`, dir, { ...(nothingToDo[nodes] && { again: nothingToDo[nodes] }) }, nodes > 20_000 ? Math.min(runs, 3) : runs)
    tellFigure('  overhead of a light stage (CPU)', overhead(costs, nodes), '≤ 1 ms')
    if (nodes === 10_000) {
      tell('  hone runs', several([hone, 'runs'], dir), 'seconds, in bounded memory')
      tell('  hone cache verify', several([hone, 'cache', 'verify'], dir, 1), 'seconds, in bounded memory')
      tell('  hone cache gc', several([hone, 'cache', 'gc', '--keep', '1'], dir, 1), 'seconds, in bounded memory')
    }
  }

  const written = Number(values.written)
  const listed = project(at, 'written', { 'pipeline.yaml': shellStages(written) })
  twice(`${written} stages written out`, listed, { again: `≤ 150 ms and what is next` })
  const yaml = join(root, 'packages/engine/node_modules/yaml')
  tell('  the yaml package alone, to parse that file', several(['-e', `require(${JSON.stringify(yaml)}).parseDocument(require('fs').readFileSync('pipeline.yaml', 'utf8'))`], listed))

  const shells = Number(values.shells)
  twice(`${shells} shell stages of true`, project(at, 'true', { 'pipeline.yaml': shellStages(shells) }), { first: "≤ 1/20 of DVC's", again: "≤ 1/10 of DVC's" })

  const children = Number(values.children)
  const costs = twice(`${children} stages in child processes`, project(at, 'children', cells(children, false)), {})
  tellFigure('  overhead of a pooled child process (CPU)', overhead(costs, children), '≤ 20 ms')
} finally {
  rmSync(at, { recursive: true, force: true })
}
