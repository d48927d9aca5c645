import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { renderGraph, selectNodes, type SelectionOptions } from '../../src/index.js'
import { brief, graphOf } from '../resolve-text.js'

const test = suite('selecting and drawing')

const graph = graphOf(`
name: demo
stages:
  a: { uses: command/shell, with: { command: ls, outputs: { o: file } } }
  b: { uses: command/shell, inputs: { x: a }, matrix: { rank: [4, 8] }, with: { command: ls, outputs: { o: file } } }
  c: { uses: command/shell, inputs: { x: [b] }, with: { command: ls } }
  end: { uses: command/shell, needs: a, with: { command: ls } }
`)
const select = (options: SelectionOptions) => {
  const result = selectNodes(graph, options)
  return result.ok ? { nodes: [...result.value.nodes], forced: [...result.value.forced], mustHit: [...result.value.mustHit] } : brief(result.diagnostics)
}

test('without names all nodes are meant', () => {
  assert.equal(select({}), { nodes: ['a', 'b[rank=4]', 'b[rank=8]', 'c', 'end'], forced: [], mustHit: [] })
})

test('a stage means its members and what they need, a member itself alone', () => {
  assert.equal(select({ stages: ['b'] }), { nodes: ['a', 'b[rank=4]', 'b[rank=8]'], forced: [], mustHit: [] })
  assert.equal(select({ stages: ['b[rank=8]', 'end'] }), { nodes: ['a', 'b[rank=8]', 'end'], forced: [], mustHit: [] })
})

test('only: what it needs must be there', () => {
  assert.equal(select({ only: 'c' }), { nodes: ['a', 'b[rank=4]', 'b[rank=8]', 'c'], forced: [], mustHit: ['a', 'b[rank=4]', 'b[rank=8]'] })
  assert.equal(select({ only: 'c', force: true }), { nodes: ['a', 'b[rank=4]', 'b[rank=8]', 'c'], forced: ['c'], mustHit: ['a', 'b[rank=4]', 'b[rank=8]'] })
})

test('from: it and all that follows anew', () => {
  assert.equal(select({ from: 'b[rank=4]' }), { nodes: ['a', 'b[rank=4]', 'b[rank=8]', 'c'], forced: ['b[rank=4]', 'c'], mustHit: [] })
})

test('force means what is selected, or what is named', () => {
  assert.equal(select({ stages: ['end'], force: true }), { nodes: ['a', 'end'], forced: ['a', 'end'], mustHit: [] })
  assert.equal(select({ stages: ['end'], force: ['a'] }), { nodes: ['a', 'end'], forced: ['a'], mustHit: [] })
})

test('a name that is none is an error with what was meant', () => {
  assert.equal(select({ stages: ['b[rank=5]', 'edn'] }), [
    'unknown-selection "b" has no member rank=5. | There are b[rank=4], b[rank=8].',
    'unknown-selection The pipeline has no stage "edn". | Did you mean "end"?',
  ])
})

test('a member is named by some of its axes, in any order and with quotes; its whole name means it alone', () => {
  const deep = graphOf(`
stages:
  t: { uses: command/shell, matrix: { rate: [5, 6], rank: [1, 2], include: [{ rate: 7 }, { rate: 7, rank: 3 }] }, with: { command: ls, outputs: { o: file } } }
  ta: { uses: command/shell, with: { command: ls } }
`)
  const named = (name: string) => {
    const result = selectNodes(deep, { stages: [name] })
    return result.ok ? [...result.value.nodes] : brief(result.diagnostics)
  }
  assert.equal(named('t[rank=1]'), ['t[rate=5,rank=1]', 't[rate=6,rank=1]'])
  assert.equal(named('t[rank="1",rate=6]'), ['t[rate=6,rank=1]'])
  assert.equal(named('t[rate=7]'), ['t[rate=7]'])
  assert.equal(named('t[rnk=1]'), ['unknown-selection "t" has no axis "rnk". | Did you mean "rank"?'])
  assert.equal(named('ta[rank=1]'), ['unknown-selection "ta" has no axis "rank". | It is one node: write ta.'])
  assert.equal(named('t[rank=1].o'), ['unknown-selection "t[rank=1].o" names a port; a stage is wanted. | Write t[rank=1].'])
})

test('the drawings show a box a stage, and the JSON every node', () => {
  assert.is(renderGraph(graph, 'text'), [
    'a             command/shell',
    'b × 2 (rank)  command/shell  x ← a.o',
    'c             command/shell  x ← b.o',
    'end           command/shell  after a',
  ].join('\n'))
  assert.is(renderGraph(graph, 'mermaid'), [
    'flowchart LR',
    '  a["a<br/><small>command/shell</small>"]',
    '  b["b × 2 (rank)<br/><small>command/shell</small>"]',
    '  c["c<br/><small>command/shell</small>"]',
    '  N3["end<br/><small>command/shell</small>"]',
    '  a -->|"o → x"| b', '  b -->|"o → x"| c', '  a -.-> N3',
  ].join('\n'))
  assert.is(renderGraph(graph, 'dot').split('\n').at(-2), '  "a" -> "end" [style=dashed]')
  assert.equal(JSON.parse(renderGraph(graph, 'json')).nodes[1], { id: 'b[rank=4]', stage: 'b', uses: 'command/shell', labels: { rank: 4 }, when: true, inputs: { x: [{ node: 'a', port: 'o', label: '' }] }, outputs: { o: 'file' }, after: ['a'] })
})

test('with a plan each box says what a run would do, of several members how many each', () => {
  const states = new Map([...graph.nodes.keys()].map((id, i) => [id, { action: (['hit', 'hit', 'run', 'undetermined', 'skip'] as const)[i]!, reasons: [`${i}`] }]))
  assert.is(renderGraph(graph, 'text', states), [
    'a             command/shell  hit',
    'b × 2 (rank)  command/shell  1 run, 1 hit  x ← a.o',
    'c             command/shell  undetermined  x ← b.o',
    'end           command/shell  skip          after a',
  ].join('\n'))
  const mermaid = renderGraph(graph, 'mermaid', states).split('\n')
  assert.is(mermaid[2], '  b["b × 2 (rank)<br/><small>command/shell<br/>1 run, 1 hit</small>"]:::run')
  assert.equal(mermaid.filter(line => line.startsWith('  classDef')).map(line => line.split(' ')[3]), ['run', 'undetermined', 'hit', 'skip'])
  assert.match(renderGraph(graph, 'dot', states), '"b" [label="b × 2 (rank)\\ncommand/shell\\n1 run, 1 hit" fillcolor="#ffec99" color="#e67700"]')
  const [, , b8] = (JSON.parse(renderGraph(graph, 'json', states)) as { nodes: { id: string; action: string; reasons: string[] }[] }).nodes
  assert.equal([b8!.id, b8!.action, b8!.reasons], ['b[rank=8]', 'run', ['2']])
})

test('a name that Mermaid would read as a word or an arrow of its own names no box', () => {
  const odd = ['end', 'classes', 'a--b', 'x-', 'style_1', 'o']
  const drawn = renderGraph(graphOf(`stages:\n${odd.map(id => `  ${id}: { uses: command/shell, with: { command: ls, outputs: { o: file } } }\n`).join('')}`), 'mermaid')
  assert.equal(drawn.split('\n').slice(1).map(line => line.trim().split('[')[0]), ['N0', 'N1', 'N2', 'N3', 'N4', 'o'])
  for (const id of odd) assert.ok(drawn.includes(`["${id}<br/>`), id)
})

test.run()
