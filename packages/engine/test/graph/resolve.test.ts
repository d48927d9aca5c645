import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { defineKind, type GraphNode } from '../../src/index.js'
import { fakeRegistry, fakeStage, fakeStages, kinds } from '../fake-registry.js'
import { brief, graphOf, resolveText } from '../resolve-text.js'

const test = suite('resolving a graph')

const pipeline = (rest = '') => `
params: { base: ./model, rank: 4 }
stages:
  table: { uses: ingest/table, with: { path: data.jsonl } }
  pairs: { uses: qa-convert/template, inputs: { rows: table } }
  tokens: { uses: tokenize/huggingface, inputs: { examples: pairs.train }, with: { model: "\${{ params.base }}" } }
  tuned: { uses: tune/lora, inputs: { tokens: tokens }, with: { model: "\${{ params.base }}", rank: "\${{ params.rank }}" } }
  after: { uses: evaluate/qa, inputs: { model: tuned.model, examples: pairs.test } }
${rest}`
const node = (text: string, id: string, options = {}): GraphNode => graphOf(text, options).nodes.get(id as never)!

test('a bare stage is its output named as the port, else its only output that fits', () => {
  assert.equal(node(pipeline(), 'tuned').inputs.tokens, [{ type: 'output', node: 'tokens', port: 'tokens', label: '' }])
  assert.equal(node(pipeline('  errors: { uses: error-analyze/categories, inputs: { examples: pairs, predictions: [after] } }'), 'errors').inputs, {
    examples: [{ type: 'output', node: 'pairs', port: 'examples', label: '' }],
    predictions: [{ type: 'output', node: 'after', port: 'predictions', label: '' }],
  })
})

test('what a single port or needs waits for is required, what a port that takes many waits for is not', () => {
  const last = node(pipeline('  errors: { uses: error-analyze/categories, needs: tuned, inputs: { examples: pairs, predictions: [after] } }'), 'errors')
  assert.equal([last.after, last.required], [['pairs', 'after', 'tuned'], ['pairs', 'tuned']])
})

test('a port that takes many takes a single stage too', () => {
  assert.is(node(pipeline('  errors: { uses: error-analyze/categories, inputs: { examples: pairs, predictions: after } }'), 'errors').inputs.predictions!.length, 1)
})

test('every node stands after what it needs, in the order of the file where it can', () => {
  const shuffled = 'stages:\n  c: { uses: command/shell, inputs: { x: b }, with: { command: ls } }\n  b: { uses: command/shell, needs: a, with: { command: ls, outputs: { o: file } } }\n  a: { uses: command/shell, with: { command: ls } }'
  assert.equal([...graphOf(shuffled).nodes.keys()], ['a', 'b', 'c'])
})

test('parameters have their defaults, and those of a sister stage are dropped with a warning', () => {
  const text = pipeline().replace('uses: tune/lora', 'uses: tune/full')
  const result = resolveText(text)
  assert.ok(result.ok)
  assert.equal(result.value.nodes.get('tuned' as never)!.params, { model: './model', learning_rate: 0.001, epochs: 1, schedule: 'cosine', weight_decay: 0 })
  assert.equal(brief(result.diagnostics), ['unused-parameter 7:94 "rank" is a parameter of tune/lora; tune/full does not take it. | It is not passed on, and changing it reruns nothing.'])
})

test('what a parameter names feeds its port', () => {
  const text = pipeline('  docs: { uses: ingest/files, with: { paths: [docs/**/*.md, README.md] } }')
  assert.equal(node(text, 'tuned').inputs.model!.map(m => m.type === 'files' && [m.param, m.reference, m.glob]), [['model', './model', false]])
  assert.equal(node(text, 'docs').inputs.files!.map(m => m.type === 'files' && [m.param, m.reference, m.glob]), [['paths/0', 'docs/**/*.md', true], ['paths/1', 'README.md', true]])
})

test('a parameter that names a file may lie deep inside of others', () => {
  const stage = fakeStage('ingest/deep', { type: 'object', properties: { sources: { type: 'array', items: { type: 'object', properties: { file: { type: 'string', artifact: { port: 'files' } } } } }, byName: { type: 'object', additionalProperties: { anyOf: [{ type: 'string', artifact: { port: 'files' } }, { type: 'number' }] } } } }, { files: { kind: kinds.file, many: true } }, {})
  const { inputs } = node('stages: { a: { uses: ingest/deep, with: { sources: [{ file: a }, { file: b }], byName: { x/y: c, n: 5 } } } }', 'a', { registry: fakeRegistry([stage]) })
  assert.equal(inputs.files!.map(m => m.type === 'files' && [m.param, m.reference]), [['sources/0/file', 'a'], ['sources/1/file', 'b'], ['byName/x~1y', 'c']])
})

test('the ports of a command are what it is given, many when given a list or a map', () => {
  const shell = node(pipeline('  sh: { uses: command/shell, inputs: { one: after.metrics, some: [pairs.train, pairs.test], named: { a: tuned.model } }, with: { command: ls, outputs: { out: rows } } }'), 'sh')
  assert.equal(Object.entries(shell.inputPorts).map(([name, port]) => [name, port.many]), [['files', true], ['one', false], ['some', true], ['named', true]])
  assert.equal(shell.inputs.named!.map(m => m.label), ['a'])
  assert.equal(Object.keys(shell.outputPorts), ['out'])
})

test('resources come from the stage, and what the file says goes before', () => {
  assert.equal(node(pipeline(), 'tuned').resources, { cpus: 2, gpus: 0, memory: 2 ** 30 })
  assert.equal(node(pipeline().replace('rank: "${{ params.rank }}" }', 'rank: 1 }, resources: { cpus: "${{ params.rank }}", memory: 4GiB, gpus: 1 }'), 'tuned').resources, { cpus: 4, gpus: 1, memory: 2 ** 32 })
  assert.equal(node(pipeline(), 'after').resources, { cpus: 1, gpus: 0, memory: 0 })
})

test('a stage sees its own env first, then that of the process', () => {
  const text = 'stages: { a: { uses: command/shell, env: { A: "own-${{ env.B }}", N: 5 }, with: { command: "${{ env.A }} ${{ env.B }}" } } }'
  const a = node(text, 'a', { env: { A: 'outer', B: 'b' } })
  assert.is(a.params.command, 'own-b b')
  assert.equal(a.env, { A: 'own-b', N: '5' })
})

test('a variable that is passed through and not set is left out', () => {
  assert.equal(node('stages: { a: { uses: command/shell, env: [A, B], with: { command: ls } } }', 'a', { env: { A: '1' } }).env, { A: '1' })
})

test('a seed and a published path may be computed from the matrix', () => {
  const graph = graphOf('stages: { a: { uses: command/shell, matrix: { seed: [1, 2] }, seed: "${{ matrix.seed }}", with: { command: ls, outputs: { o: file } }, publish: { o: "out/./a-${{ matrix.seed }}/" } } }')
  assert.equal([...graph.nodes.values()].map(n => [n.seed, n.publish]), [[1, { o: 'out/a-1' }], [2, { o: 'out/a-2' }]])
})

test('a condition is decided now where it can be', () => {
  const when = (condition: string) => {
    const n = node(pipeline(`  last: { uses: command/shell, with: { command: ls }, when: "${condition}" }`), 'last')
    return [n.when, n.condition, n.reads, n.required]
  }
  assert.equal(when('params.rank == 4'), [true, undefined, {}, []])
  assert.equal(when('params.rank > 4'), [false, undefined, {}, []])
  assert.equal(when('params.rank > 4 && stages.after.metrics.f1 > 0.5'), [false, undefined, { after: 'after' }, ['after']])
  assert.equal(when('params.rank == 4 && stages.after.metrics.f1 > 0.5'), [undefined, '(stages.after.metrics.f1 > 0.5)', { after: 'after' }, ['after']])
})

test('nodes that publish to one path are told which axes would part them, and of a path in another both are named', () => {
  const clashes = (publish: string, more = '') => brief(resolveText(`stages:\n  m: { uses: command/shell, matrix: { x: [1, 2], y: [a, b] }, with: { command: ls, outputs: { o: file, p: file } }, publish: { ${publish} } }\n${more}`).diagnostics).map(d => d.replace(/^publish-path (\d+):\d+/, '$1'))
  assert.equal(clashes('o: "out/f-${{ matrix.x }}"'), [
    '2 Several nodes of "m" publish to "out/f-1". | Put the axis into the path: out/f-${{ matrix.x }}-${{ matrix.y }}.',
  ])
  assert.equal(clashes('o: out/f.jsonl'), ['2 Several nodes of "m" publish to "out/f.jsonl". | Put the axes into the path: out/f-${{ matrix.x }}-${{ matrix.y }}.jsonl.'])
  const each = '${{ matrix.x }}${{ matrix.y }}'
  assert.equal(clashes(`o: "out/${each}", p: "out/${each}"`)[0], '2 "m[x=1,y=a].p" and "m[x=1,y=a].o" publish to the same place: "out/1a". | Give each a path of its own.')
  const stage = (id: string, path: string, when = '') => `  ${id}: { uses: command/shell, with: { command: ls, outputs: { o: file } }, publish: { o: ${path} }${when} }\n`
  assert.equal(clashes(`o: "m/${each}"`, stage('a', 'out') + stage('b', 'out/x')), ['4 "b" publishes to "out/x", which lies in "out", where "a" publishes. | Give each a path of its own.'])
  const waits = ', when: "stages[\'m[x=1,y=a]\'].metrics.n > 1"'
  assert.equal(clashes(`o: "m/${each}"`, stage('a', 'out', waits) + stage('b', 'out/x', waits) + stage('c', 'out/y')), ['5 "c" publishes to "out/y", which lies in "out", where "a" publishes. | Give each a path of its own.'], 'also past what lies between them in their order')
})

test('two stages may publish to one place when their conditions may exclude one another', () => {
  const text = (a: string, b: string) => pipeline(`  x: { uses: command/shell, with: { command: ls, outputs: { o: file } }, publish: { o: out }, when: "${a}" }\n  y: { uses: command/shell, with: { command: ls, outputs: { o: file } }, publish: { o: out }, when: "${b}" }`)
  assert.equal(brief(resolveText(text('params.rank == 4', 'params.rank != 4')).diagnostics), [])
  assert.equal(brief(resolveText(text('stages.after.metrics.f1 > 0.5', 'stages.after.metrics.f1 <= 0.5')).diagnostics), [])
  assert.equal(resolveText(text('true', 'true')).diagnostics.map(d => d.code), ['publish-path'])
})

test('a plugin that contradicts itself is named', () => {
  const wrong = (more: object, schema = {}) => brief(resolveText('stages: { a: { uses: ingest/wrong, with: { file: x } } }', { registry: fakeRegistry([fakeStage('ingest/wrong', { properties: { file: { type: 'string' } }, ...schema }, {}, {}, more)]) }).diagnostics)
  assert.equal(wrong({ outputs: () => { throw new Error('no outputs today') } }), ['plugin-fault 1:22 "ingest/wrong" fails to say what ports it has: no outputs today | It comes from the plugin fake.'])
  assert.equal(wrong({ resources: () => { throw new Error('none') } }), ['plugin-fault 1:22 "ingest/wrong" fails to say what resources it takes: none | It comes from the plugin fake.'])
  assert.equal(wrong({ outputs: () => undefined }), ['plugin-fault 1:22 "ingest/wrong" fails to say what ports it has: "outputs" must name the ports | It comes from the plugin fake.'])
  assert.equal(wrong({ inputs: () => ({ rows: 'rows' }) }), ['plugin-fault 1:22 "ingest/wrong" fails to say what ports it has: inputs.rows must be { kind: … }, with a kind of defineKind or of hone-plugins | It comes from the plugin fake.'])
  assert.equal(wrong({ resources: () => ({ cpu: 2 }) }), ['plugin-fault 1:22 "ingest/wrong" fails to say what resources it takes: "cpu" is none of them. Did you mean "cpus"? | It comes from the plugin fake.'])
  assert.equal(wrong({ resources: () => ({ memory: 'much' }) }), ['plugin-fault 1:22 "ingest/wrong" fails to say what resources it takes: "memory" must be a number of bytes, or a size as "4GiB"; got "much" | It comes from the plugin fake.'])
  assert.equal(wrong({ determinism: () => 'maybe' }), [`plugin-fault 1:22 "ingest/wrong" fails to say whether it repeats itself: "determinism" must be 'bytes', 'platform' or 'none'; got "maybe" | It comes from the plugin fake.`])
  assert.equal(wrong({}, { properties: { file: { type: 'string', artifact: { port: 'nowhere' } } } }), ['plugin-fault 1:50 The parameter "file" of ingest/wrong is to feed a port "nowhere" that is not there. | It comes from the plugin fake.'])
  assert.match(wrong({}, { properties: { file: { type: 'strin' } } })[0]!, /^plugin-fault 1:22 The parameters of "ingest\/wrong" have a schema that is none/)
})

test('a kind accepts what it says it accepts', () => {
  const strict = defineKind({ id: 'strict', summary: '', form: 'file' })
  const stage = fakeStage('ingest/strict', {}, { x: { kind: strict } }, {})
  const text = (ref: string) => pipeline(`  s: { uses: ingest/strict, inputs: { x: ${ref} } }`)
  assert.equal(resolveText(text('after.metrics'), { registry: fakeRegistry([...fakeStages, stage]) }).diagnostics.map(d => d.code), ['kind-mismatch'])
})

test('a long chain of stages is no deep recursion', () => {
  const chain = Array.from({ length: 2000 }, (_, i) => `  s${i}: { uses: command/shell, ${i ? `needs: s${i - 1}, ` : ''}with: { command: ls } }`).reverse().join('\n')
  assert.is(graphOf(`stages:\n${chain}`).nodes.size, 2000)
})

test.run()
