import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { bindParams, DiagnosticError, evaluateEnv, evaluateWhen, usedSecrets, type Graph, type NodeId, type Resolvers } from '../../src/index.js'
import { fakeRegistry, fakeStage } from '../fake-registry.js'
import { graphOf } from '../resolve-text.js'

const test = suite('binding')

const text = `
stages:
  a: { uses: command/shell, matrix: { rank: [4, 8] }, with: { command: ls, outputs: { o: file } } }
  b:
    uses: command/shell
    inputs: { x: a }
    env: { TOKEN: "Bearer \${{ secrets.KEY }}", PLAIN: p }
    with:
      command: "run \${{ matrix.rank }} \${{ stages.a.outputs.o.digest }} \${{ env.TOKEN }} \${{ env.PLAIN }}"
      files: ["x"]
    when: stages.a.metrics.loss < 0.5
`
const resolvers: Resolvers = { digestOf: (node, port) => `digest(${node}.${port})`, secretOf: name => `secret-${name}`, metricOf: node => (node === 'a[rank=4]' ? 0.1 : 0.9) }
const b = (graph: Graph, rank: number) => graph.nodes.get(`b[rank=${rank}]` as NodeId)!

test('digests and secrets come into the parameters, and secrets stay expressions in the template', () => {
  const graph = graphOf(text)
  const bound = bindParams(b(graph, 4), graph.pipeline, resolvers)!
  assert.is(bound.params.command, 'run 4 digest(a[rank=4].o) Bearer secret-KEY p')
  assert.is(bound.template.command, 'run 4 digest(a[rank=4].o) ${{ env.TOKEN }} p')
  assert.is(bound.params.files, bound.template.files, 'what did not wait is shared')
  assert.equal(evaluateEnv(b(graph, 4), graph.pipeline, resolvers), { env: { TOKEN: 'Bearer secret-KEY', PLAIN: 'p' }, template: { TOKEN: 'Bearer ${{ secrets.KEY }}', PLAIN: 'p' } })
})

test('the template differs where the matrix differs, and not where the secret does', () => {
  const graph = graphOf(text)
  const template = (rank: number, more = {}) => JSON.stringify(bindParams(b(graph, rank), graph.pipeline, { ...resolvers, digestOf: () => 'd', ...more })!.template)
  assert.is.not(template(4), template(8))
  assert.is(template(4), template(4, { secretOf: () => 'another' }))
  assert.is.not(template(4), template(4, { digestOf: () => 'e' }))
  assert.not.match(template(4), 'secret-KEY')
})

test('while a digest is not known there is nothing', () => {
  const graph = graphOf(text)
  assert.is(bindParams(b(graph, 4), graph.pipeline, { ...resolvers, digestOf: () => undefined }), undefined)
})

test('a condition reads the metrics of the member that its node belongs to', () => {
  const graph = graphOf(text)
  assert.is(evaluateWhen(b(graph, 4), graph.pipeline, resolvers), true)
  assert.is(evaluateWhen(b(graph, 8), graph.pipeline, resolvers), false)
  assert.is(evaluateWhen(b(graph, 8), graph.pipeline, { ...resolvers, metricOf: () => undefined }), undefined)
})

test('a metric that is not there is said at the place of the condition', () => {
  const graph = graphOf(text)
  try {
    evaluateWhen(b(graph, 8), graph.pipeline, { ...resolvers, metricOf: () => null })
    assert.unreachable()
  } catch (error) {
    assert.instance(error, DiagnosticError)
    const { message, range } = (error as DiagnosticError).diagnostic
    assert.equal([message, range?.line, range?.column], ['"a[rank=8]" has no metric "loss".', 11, 11])
  }
})

test('a value that had to wait is checked in the end, and a secret is not printed', () => {
  const registry = fakeRegistry([fakeStage('ingest/keyed', { properties: { key: { type: 'string', pattern: '^k-' } } }, {}, {})])
  const graph = graphOf('stages: { a: { uses: ingest/keyed, with: { key: "${{ secrets.KEY }}" } } }', { registry })
  const a = graph.nodes.get('a' as NodeId)!
  assert.is(bindParams(a, graph.pipeline, { ...resolvers, secretOf: () => 'k-1' })!.params.key, 'k-1')
  assert.throws(() => bindParams(a, graph.pipeline, { ...resolvers, secretOf: () => 'hunter2' }), (error: DiagnosticError) => error.diagnostic.message === '"key" must match ^k-.')
})

test('the secrets that a graph reads are known before it runs', () => {
  assert.equal(usedSecrets(graphOf(text)).map(({ name, range }) => [name, range.line]), [['KEY', 7]])
})

test.run()
