import { Graphviz } from '@hpcc-js/wasm-graphviz'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Project, shell } from '../../../../tests/rig.js'

const test = suite('plan, why, validate, graph')
const project = Project.make({
  'pipeline.yaml': `params: { word: red, tell: false }
stages:
  words: ${shell('for n in 1 2; do echo "{\\"word\\":\\"${{ params.word }}\\",\\"n\\":${{ matrix.from }}}"; done > "$HONE_OUTPUT_TO"', 'matrix: { from: [1, 2] }')}
  all: ${shell('cat "$HONE_INPUT_WORDS"/*.jsonl > "$HONE_OUTPUT_TO"', '', 'words: [words]')}
  told: ${shell('cat "$HONE_INPUT_ALL" > "$HONE_OUTPUT_TO"', 'when: "${{ params.tell }}"', 'all: all')}
`,
})

test('a plan is a line a stage, with the reason, and says the same as JSON', async () => {
  const plan = await project.hone('plan', 'pipeline.yaml')
  assert.is(
    plan.stdout,
    'words[from=1]  command/shell  run   no record yet\n' +
      'words[from=2]  command/shell  run   no record yet\n' +
      'all            command/shell  run   no record yet (and 2 more)\n' +
      'told           command/shell  skip  `when` is false\n\n' +
      '3 run, 1 skip\nno earlier run tells how long it takes\n',
  )
  assert.equal([plan.code, plan.stderr], [0, ''])
  assert.equal((await project.hone('plan', 'pipeline.yaml', '--json')).json, {
    stages: {
      'words[from=1]': { action: 'run', reasons: ['no record yet'] },
      'words[from=2]': { action: 'run', reasons: ['no record yet'] },
      all: { action: 'run', reasons: ['no record yet', 'input words: upstream `words[from=1]` will run', 'input words: upstream `words[from=2]` will run'] },
      told: { action: 'skip', reasons: ['`when` is false'] },
    },
    expected: { workMs: 0, chainMs: 0, untimed: 3 },
  })
  assert.not.ok(project.has('.hone/runs'), 'nothing ran')
})

test('a plan of some stages is of these and of what they need', async () => {
  assert.equal(Object.keys((await project.hone('plan', 'pipeline.yaml', 'words', '--json')).json.stages), ['words[from=1]', 'words[from=2]'])
})

test('why tells the old and the new value of what differs from the last run', async () => {
  assert.is((await project.hone('why', 'pipeline.yaml', 'all')).stdout, 'all (command/shell): run\n  no record yet\n  input words: upstream `words[from=1]` will run\n  input words: upstream `words[from=2]` will run\n')
  assert.is((await project.run()).code, 0)
  assert.is((await project.hone('why', 'pipeline.yaml', 'all')).stdout, 'all (command/shell): hit\n  nothing in its key differs from its last run\n')
  const why = await project.hone('why', 'pipeline.yaml', 'words[from=2]', '--set', 'word=blue', '--json')
  const [node] = why.json.nodes
  assert.equal([node.node, node.uses, node.action, node.differences.length], ['words[from=2]', 'command/shell', 'run', 1])
  assert.is(node.differences[0].name, 'params.command')
  assert.match(node.differences[0].before, 'red')
  assert.match(node.differences[0].after, 'blue')
  const text = await project.hone('why', 'pipeline.yaml', 'words', '--set', 'word=blue')
  assert.match(text.stdout, /^words\[from=1\] \(command\/shell\): run\n {2}params\.command: .*red.* → .*blue.*\nwords\[from=2\]/)
  const waits = await project.hone('why', 'pipeline.yaml', 'all', '--set', 'word=blue')
  assert.is(waits.stdout, 'all (command/shell): undetermined\n  nothing in its key differs from its last run\n  input words: upstream `words[from=1]` will run\n  input words: upstream `words[from=2]` will run\n')
})

test('a member that waits for its upstream is not told to be gone, and one that is gone is', async () => {
  const rows = (word: string) => shell(`echo '{"w":"${word}"}' > "$HONE_OUTPUT_TO"`)
  const file = (word: string, members: string) => `stages:\n  base: ${rows('base')}\n  tuned: ${rows(word)}\n  old: ${rows('old')}\n  errors: ${shell('cat "$HONE_INPUT_WORDS"/*.jsonl > "$HONE_OUTPUT_TO"', '', `words: { ${members} }`)}\n`
  const several = Project.make({ 'pipeline.yaml': file('one', 'base: base, tuned: tuned, old: old') })
  assert.is((await several.run()).code, 0)
  several.write({ 'pipeline.yaml': file('two', 'base: base, tuned: tuned') })
  assert.is((await several.hone('why', 'pipeline.yaml', 'errors')).stdout, 'errors (command/shell): undetermined\n  input words: old is gone\n  input words: upstream `tuned` will run\n')
})

test('a plan after a run tells how long each took, the work in all and its longest chain, and what was not timed', async () => {
  const times = (text: string) => text.replace(/\d+(\.\d)? m?s/g, 'TIME').replace(/ +/g, ' ')
  const plan = await project.hone('plan', 'pipeline.yaml', '--set', 'word=blue', '--set', 'tell=true')
  const [, , all, told, , counts, expected] = times(plan.stdout).split('\n')
  assert.equal([all, told], ['all command/shell undetermined about TIME input words: upstream `words[from=1]` will run (and 1 more)', 'told command/shell run no earlier run no record yet (and 1 more)'])
  assert.equal([counts, expected], ['3 run, 1 undetermined', 'about TIME of work, TIME of it in the longest chain, by what each took the last time; told has no earlier run and is not counted; what is undetermined may still hit'])
  const { stages, expected: sums } = (await project.hone('plan', 'pipeline.yaml', '--set', 'word=blue', '--set', 'tell=true', '--json')).json
  const ms = (name: string) => stages[name].expectedMs as number
  assert.equal(sums, { workMs: ms('words[from=1]') + ms('words[from=2]') + ms('all'), chainMs: Math.max(ms('words[from=1]'), ms('words[from=2]')) + ms('all'), untimed: 1 })
  assert.is((await project.hone('plan', 'pipeline.yaml')).stdout.split('\n').at(-2), '3 hit, 1 skip', 'hits take no time')
})

test('why of a stage that is not there names those that are', async () => {
  const why = await project.hone('why', 'pipeline.yaml', 'al')
  assert.equal([why.code, why.stdout], [2, ''])
  assert.is(why.stderr, 'error: The pipeline has no stage "al". (unknown-selection)\n  hint: The stages are words, all, told.\n\n1 error\n')
})

test('validate takes several files, collects the mistakes of all, and exits 2 for any', async () => {
  assert.is((await project.hone('validate', 'pipeline.yaml')).stdout, 'pipeline.yaml: no mistake found\n')
  project.write({ 'more/good one.yaml': 'stages: { a: { uses: command/shell, with: { command: x, outputs: { to: rows } } } }\n', 'more/bad.yaml': 'stages:\n  a: { uses: command/shel }\n  b: { use: x }\n' })
  assert.is((await project.hone('validate', 'pipeline.yaml', 'more/good one.yaml')).stdout, '2 files: no mistake found\n')
  const bad = await project.hone('validate', 'pipeline.yaml', 'more/bad.yaml')
  assert.equal([bad.code, bad.stdout], [2, ''])
  assert.is(
    bad.stderr,
    `more/bad.yaml:2:14 error: No plugin has a stage "command/shel". (unknown-stage-type)
    1 | stages:
  > 2 |   a: { uses: command/shel }
      |              ^^^^^^^^^^^^
    3 |   b: { use: x }
  hint: Did you mean "command/shell"?

more/bad.yaml:3:8 error: "use" is not a key of a stage. (unknown-key)
    2 |   a: { uses: command/shel }
  > 3 |   b: { use: x }
      |        ^^^
  hint: Did you mean "uses"?

2 errors
`,
  )
  const json = (await project.hone('validate', 'more/bad.yaml', '--json'))
  assert.equal([json.code, json.stderr, json.json.ok], [2, '', false])
  assert.ok(json.json.diagnostics.every((d: { range: { file: string } }) => d.range.file === project.path('more/bad.yaml')))
})

test('the graph is text, Mermaid, DOT or JSON, with what a run would do', async () => {
  const graph = async (...args: string[]) => (await project.hone('graph', 'pipeline.yaml', ...args)).stdout
  assert.is(await graph('--no-states'), 'words × 2 (from)  command/shell\nall               command/shell  words ← words.to\ntold              command/shell  all ← all.to\n')
  assert.is(await graph('--set', 'word=blue'), 'words × 2 (from)  command/shell  run\nall               command/shell  undetermined  words ← words.to\ntold              command/shell  skip          all ← all.to\n')
  const { nodes } = JSON.parse(await graph('--json')) as { nodes: { id: string; after: string[]; action: string }[] }
  assert.equal(nodes.map(n => [n.id, n.after, n.action]), [['words[from=1]', [], 'hit'], ['words[from=2]', [], 'hit'], ['all', ['words[from=1]', 'words[from=2]'], 'hit'], ['told', ['all'], 'skip']])
  const wrong = await project.hone('graph', 'pipeline.yaml', '-f', 'png')
  assert.equal([wrong.code, wrong.stderr], [2, 'error: There is no format "png"; there are text, mermaid, dot, json.\n'])
})

test('Graphviz draws the DOT: a box a stage, an arrow an edge', async () => {
  const graphviz = await Graphviz.load()
  const svg = graphviz.dot((await project.hone('graph', 'pipeline.yaml', '-f', 'dot', '--set', 'word=a "b" \\n')).stdout, 'svg')
  const titles = (kind: string) => [...svg.matchAll(new RegExp(`class="${kind}">\\s*<title>([^<]*)`, 'g'))].map(m => m[1])
  assert.equal([titles('node'), titles('edge')], [['words', 'all', 'told'], ['words&#45;&gt;all', 'all&#45;&gt;told']])
  assert.match(svg, />undetermined<\/text>/)
})

test('every line of the Mermaid is one that its grammar has, and every arrow joins boxes that there are', async () => {
  const [first, ...lines] = (await project.hone('graph', 'pipeline.yaml', '-f', 'mermaid')).stdout.trimEnd().split('\n')
  assert.is(first, 'flowchart LR')
  const boxes = new Set(lines.flatMap(line => /^ {2}([A-Za-z]\w*)\["[^"]+"\]:::(?:hit|run|skip|undetermined)$/.exec(line)?.[1] ?? []))
  assert.is(boxes.size, 3)
  for (const line of lines) {
    const arrow = /^ {2}(\w+) (?:-->\|"[^"]+"\||-\.->) (\w+)$/.exec(line)
    if (arrow) assert.ok(boxes.has(arrow[1]!) && boxes.has(arrow[2]!), line)
    else assert.match(line, /^ {2}\w+\["|^ {2}classDef \w+ fill:#[0-9a-f]{6},stroke:#[0-9a-f]{6},color:#[0-9a-f]{6}$/)
  }
})

test('a pipeline that cannot be planned is drawn all the same, and says so', async () => {
  project.write({ 'unfetched.yaml': 'stages: { a: { uses: ingest/table, with: { path: none.jsonl } } }\n' })
  const drawn = await project.hone('graph', 'unfetched.yaml')
  assert.equal([drawn.code, drawn.stdout, drawn.stderr], [0, 'a  ingest/table\n', 'Drawn without what a run would do, since it cannot be planned: hone validate unfetched.yaml\n'])
})

test.run()
