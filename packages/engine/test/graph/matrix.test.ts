import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { combinations } from '../../src/graph/matrix.js'
import { brief, graphOf, resolveText } from '../resolve-text.js'

const test = suite('matrix')
const make = (source: object) => combinations({ axes: {}, exclude: [], include: [], ...source }, 1000)
const nodes = (text: string) => [...graphOf(text).nodes.keys()]
const stage = (id: string, rest: string) => `  ${id}: { uses: command/shell, with: { command: ls, outputs: { o: file } }, ${rest} }\n`

test('the product of the axes, the last one turning fastest', () => {
  assert.equal(make({ axes: { a: [1, 2], b: ['x', 'y'] } }), [{ a: 1, b: 'x' }, { a: 1, b: 'y' }, { a: 2, b: 'x' }, { a: 2, b: 'y' }])
})

test('exclude takes what an entry matches in part, and before include adds', () => {
  assert.equal(make({ axes: { a: [1, 2], b: [1, 2] }, exclude: [{ a: 1, b: 2 }, { a: 2 }], include: [{ a: 2, b: 1 }] }), [{ a: 1, b: 1 }, { a: 2, b: 1 }])
})

// The example of "Expanding or adding matrix configurations" in GitHub's documentation of Actions.
test('include adds to combinations whose own axes it keeps, overwrites what was added, and else stands alone', () => {
  assert.equal(
    make({
      axes: { fruit: ['apple', 'pear'], animal: ['cat', 'dog'] },
      include: [{ color: 'green' }, { color: 'pink', animal: 'cat' }, { fruit: 'apple', shape: 'circle' }, { fruit: 'banana' }, { fruit: 'banana', animal: 'cat' }],
    }),
    [
      { fruit: 'apple', animal: 'cat', color: 'pink', shape: 'circle' },
      { fruit: 'apple', animal: 'dog', color: 'green', shape: 'circle' },
      { fruit: 'pear', animal: 'cat', color: 'pink' },
      { fruit: 'pear', animal: 'dog', color: 'green' },
      { fruit: 'banana' },
      { fruit: 'banana', animal: 'cat' },
    ],
  )
})

test('a single port inherits the axes of what feeds it, an own matrix adds its own', () => {
  assert.equal(nodes(`stages:\n${stage('a', 'matrix: { rank: [4, 8] }')}${stage('b', 'inputs: { x: a }, matrix: { seed: [1, 2] }')}`), [
    'a[rank=4]', 'a[rank=8]', 'b[rank=4,seed=1]', 'b[rank=8,seed=1]', 'b[rank=4,seed=2]', 'b[rank=8,seed=2]',
  ])
})

test('the same axis from two inputs is one axis, different ones multiply', () => {
  const text = `stages:\n${stage('a', 'matrix: { rank: [4, 8] }')}${stage('b', 'matrix: { rank: [8, 16] }')}${stage('c', 'matrix: { seed: [1, 2] }')}`
  assert.equal(nodes(`${text}${stage('d', 'inputs: { x: a, y: b }')}`).slice(6), ['d[rank=8]'])
  assert.equal(nodes(`${text}${stage('d', 'inputs: { x: a, y: c }')}`).slice(6), ['d[rank=4,seed=1]', 'd[rank=4,seed=2]', 'd[rank=8,seed=1]', 'd[rank=8,seed=2]'])
})

test('an own axis that is inherited too is one axis', () => {
  assert.equal(nodes(`stages:\n${stage('a', 'matrix: { rank: [4, 8] }')}${stage('b', 'inputs: { x: a }, matrix: { rank: [8, 16] }')}`), ['a[rank=4]', 'a[rank=8]', 'b[rank=8]'])
})

test('a port that takes many ends the axes, and members have labels', () => {
  const graph = graphOf(`stages:\n${stage('a', 'matrix: { rank: [4, 8] }')}${stage('b', '')}${stage('c', 'inputs: { x: { tuned: a, base: b }, y: [a, b] }')}`)
  const c = graph.nodes.get('c' as never)!
  assert.equal(c.inputs.x!.map(m => [m.type === 'output' && m.node, m.label]), [['a[rank=4]', 'tuned[rank=4]'], ['a[rank=8]', 'tuned[rank=8]'], ['b', 'base']])
  assert.equal(c.inputs.y!.map(m => m.label), ['rank=4', 'rank=8', ''])
  assert.equal(c.after, ['a[rank=4]', 'a[rank=8]', 'b'])
  assert.equal(c.required, [])
})

test('an axis that a node has from elsewhere chooses the members of a port that takes many', () => {
  const graph = graphOf(`stages:\n${stage('a', 'matrix: { rank: [4, 8], seed: [1, 2] }')}${stage('c', 'inputs: { x: [a] }, matrix: { seed: [1, 2] }')}`)
  const c = graph.nodes.get('c[seed=2]' as never)!
  assert.equal(c.inputs.x!.map(m => [m.type === 'output' && m.node, m.label]), [['a[rank=4,seed=2]', 'rank=4'], ['a[rank=8,seed=2]', 'rank=8']])
})

test('a member can be named, wholly or in part', () => {
  const text = `stages:\n${stage('a', 'matrix: { rank: [4, 8], name: [x, "y z"] }')}`
  assert.equal(nodes(`${text}${stage('b', 'inputs: { x: "a[rank=4, name=x].o" }')}`).slice(4), ['b'])
  assert.equal(nodes(`${text}${stage('b', 'inputs: { x: "a[rank=4]" }')}`).slice(4), ['b[name=x]', 'b[name="y z"]'])
  const named = graphOf(`${text}${stage('b', `inputs: { x: 'a[rank=4,name="y z"].o' }`)}`)
  assert.equal(named.nodes.get('b' as never)!.after, ['a[rank=4,name="y z"]'])
})

test('an input may be chosen by an expression over the own matrix', () => {
  const text = `stages:\n${stage('a', 'matrix: { rank: [4, 8] }')}${stage('plain', '')}${stage('b', 'inputs: { x: "${{ matrix.from }}" }, matrix: { from: ["a[rank=8]", plain] }')}`
  const graph = graphOf(text)
  assert.equal([...graph.nodes.values()].slice(3).map(node => [node.id, node.after]), [['b["from=a[rank=8]"]'.replace('"from=a[rank=8]"', 'from="a[rank=8]"'), ['a[rank=8]']], ['b[from=plain]', ['plain']]])
})

test('an axis that only some nodes have is null for the others', () => {
  const graph = graphOf('stages:\n  a: { uses: command/shell, with: { command: "run ${{ matrix.extra || 0 }} ${{ matrix.rank }}" }, matrix: { rank: [4, 8], include: [{ rank: 8, extra: 1 }] } }')
  assert.equal([...graph.nodes.values()].map(node => [node.id, node.params.command]), [['a[rank=4]', 'run 0 4'], ['a[rank=8,extra=1]', 'run 1 8']])
})

test('where members differ by an axis that only some have, each is taken by the node that has its axes', () => {
  const graph = graphOf(`stages:\n${stage('a', 'matrix: { include: [{ rank: 4 }, { rank: 4, extra: 1 }] }')}${stage('b', 'inputs: { x: a }')}`)
  assert.equal([...graph.nodes.values()].slice(2).map(node => [node.id, node.after]), [['b[rank=4]', ['a[rank=4]']], ['b[rank=4,extra=1]', ['a[rank=4,extra=1]']]])
})

test('needs follow the shared axes, and else wait for every member', () => {
  const text = `stages:\n${stage('a', 'matrix: { rank: [4, 8] }')}`
  assert.equal(graphOf(`${text}${stage('b', 'needs: [a], matrix: { rank: [4] }')}`).nodes.get('b[rank=4]' as never)!.required, ['a[rank=4]'])
  assert.equal(graphOf(`${text}${stage('b', 'needs: a')}`).nodes.get('b' as never)!.required, ['a[rank=4]', 'a[rank=8]'])
  assert.equal(graphOf(`${text}${stage('b', 'needs: "a[rank=8]"')}`).nodes.get('b' as never)!.required, ['a[rank=8]'])
})

test('100,000 nodes resolve in seconds, and share what does not differ', () => {
  const axis = (name: string, n: number) => `${name}: [${Array.from({ length: n }, (_, i) => i + 1).join(', ')}]`
  const text = `
stages:
  table: { uses: ingest/table, with: { path: a.jsonl } }
  pairs: { uses: qa-convert/template, inputs: { rows: table } }
  tokens: { uses: tokenize/huggingface, inputs: { examples: pairs.examples }, with: { model: m } }
  tuned: { uses: tune/lora, inputs: { tokens: tokens }, with: { model: m, rank: "\${{ matrix.rank }}" }, matrix: { ${axis('rank', 330)}, ${axis('x', 100)} } }
  after: { uses: evaluate/qa, inputs: { model: tuned, examples: pairs.train } }
  again: { uses: evaluate/qa, inputs: { model: tuned, examples: pairs.test }, needs: [after] }
  best: { uses: select/best, inputs: { model: tuned, metrics: after }, with: { by: f1 } }`
  const started = performance.now()
  const graph = graphOf(text)
  // About 2 s on an idle machine; a quadratic step would take minutes.
  assert.ok(performance.now() - started < 60_000, `${performance.now() - started} ms`)
  assert.is(graph.nodes.size, 99_004)
  const members = [...graph.nodes.values()].filter(node => node.source.id === 'tuned')
  assert.is(new Set(members.map(node => node.params)).size, 330)
  assert.is(new Set(members.map(node => node.outputPorts)).size, 1)
  assert.is(graph.nodes.get('best' as never)!.inputs.model!.length, 33_000)
})

test('edges without end are refused', () => {
  const n = (name: string) => `matrix: { ${name}: [${Array.from({ length: 1500 }, (_, i) => i).join(', ')}] }`
  assert.equal(brief(resolveText(`stages:\n${stage('a', n('i'))}${stage('b', `inputs: { x: [a] }, ${n('j')}`)}`).diagnostics), [
    'too-many-nodes 3:3 With "b" the nodes of the file have more than 2,000,000 edges. | Gather many members in one stage without a matrix, and refer to that.',
  ])
})

test.run()
