// A world as the files of a project. Its data files are laid by lay.ts.
import { pluginOf } from './plugin.js'
import { axesOf, type Condition, type Labels, type Ref, type Stage, type World } from './world.js'

const text = JSON.stringify

export const filesOf = (world: World): Record<string, string> => ({
  'pipeline.yaml': yamlOf(world),
  '.env': `HONE_SECRET_TOKEN=${secretOf(world)}\n`,
  ...Object.fromEntries(world.outside.map((value, i) => [`outside/o${i}.txt`, outsideText(value)])),
  ...pluginOf(world.code),
})
export const outsideText = (value: number): string => `outside ${value}`
export const secretOf = ({ step }: World): string => `tok-${step}-tok`
export const publishedAt = ({ port, slot }: NonNullable<Stage['publish']>): string => (port === 'box' ? `published/b${slot}` : `published/p${slot}.jsonl`)

function yamlOf(world: World): string {
  const { stages, params, seed, env, turn, comment, attempts, step } = world
  const turned = [...stages.slice(turn % stages.length), ...stages.slice(0, turn % stages.length)]
  const defaults = [
    ...(seed === undefined ? [] : [`seed: ${seed}`]), ...(env === undefined ? [] : [`env: { E: ${text(env)} }`]),
    ...(attempts === 1 ? [] : [retry(attempts)]), `timeout: ${60 + step}s`,
  ]
  return `${'# A comment.\n'.repeat(comment % 3)}plugins: [./plugin.ts]
params: { ${params.map((value, i) => `p${i}: ${value}`).join(', ')} }
defaults: { ${defaults.join(', ')} }
stages:
${turned.map(stage => `  ${stage.name}:\n${stageLines(world, stage).map(line => `    ${line}\n`).join('')}`).join('')}`
}

const retry = (attempts: number) => `retry: { attempts: ${attempts}, backoff: 1ms }`

function stageLines(world: World, s: Stage): string[] {
  const nameOf = (id: number) => world.stages.find(stage => stage.id === id)!.name
  const ref = ({ stage, port, member }: Ref) => (member ? text(`${nameOf(stage)}[${Object.entries(member).map(([axis, value]) => `${axis}=${value}`).join(', ')}].${port}`) : `${nameOf(stage)}.${port}`)
  const digest = ({ stage, port }: Ref) => `stages.${nameOf(stage)}.outputs.${port}.digest`
  const members = s.many.map(m => (s.isLabelled ? `${m.label}: ${ref(m.ref)}` : ref(m.ref))).join(', ')
  const inputs = [...s.ports.map(p => `${p.name}: ${ref(p.ref)}`), ...(members ? [`many: ${s.isLabelled ? `{ ${members} }` : `[${members}]`}`] : []), ...(s.boxes.length ? [`boxes: [${s.boxes.map(ref).join(', ')}]`] : [])]
  const isPassed = typeof s.env === 'object'
  const env = [...(typeof s.env === 'string' ? [`E: ${text(s.env)}`] : []), ...(isPassed && s.secret === 'env' ? ['E: "${{ env.E }}"'] : []), ...(s.secret === 'env' ? ['T: "${{ secrets.TOKEN }}"'] : [])]
  const written: Written = {
    add: typeof s.add === 'number' ? `${s.add}` : s.add === 'axis' ? `\${{ matrix.k${s.id} }}` : `\${{ params.p${s.add.param % world.params.length} }}`,
    word: typeof s.word === 'object' ? `\${{ ${digest(s.word.digestOf)} }}` : s.word === 'variable' ? '${{ env.E }}' : s.word === 'axes' ? ['axes', ...axesOf(world, s).map(axis => `${axis}=\${{ matrix.${axis} }}`)].join(' ') : s.word,
    paths: s.file === undefined ? undefined : s.file === 'all' ? 'data/*.txt' : `data/${world.data[s.file]!.name}.txt`,
  }
  return [
    `uses: ${s.uses === 'shell' ? 'command/shell' : `soak/${s.uses}`}`,
    ...(inputs.length ? [`inputs: { ${inputs.join(', ')} }`] : []),
    ...(s.needs.length ? [`needs: [${s.needs.map(nameOf).join(', ')}]`] : []),
    `with: { ${s.uses === 'shell' ? shellParams(s, written) : pluginParams(s, written)} }`,
    ...(s.axis.length ? [`matrix: { ${matrix(s)} }`] : []),
    ...(s.seed === undefined ? [] : [`seed: ${s.seed}`]),
    ...(env.length ? [`env: { ${env.join(', ')} }`] : isPassed ? ['env: [E]'] : []),
    ...(s.isCached ? [] : ['cache: false']),
    ...(s.threads === 1 ? [] : [`resources: { cpus: ${s.threads} }`]),
    ...(s.attempts === 0 ? [] : [retry(s.attempts)]),
    ...(s.publish ? [`publish: { ${s.publish.port}: ${publishedAt(s.publish)} }`] : []),
    ...(s.when ? [`when: ${text(`\${{ ${condition(s.when, world, nameOf, digest)} }}`)}`] : []),
  ]
}

function matrix({ id, axis, second, exclude, include }: Stage): string {
  const entries = (name: string, all: readonly Labels[]) => (all.length > 0 ? [`${name}: [${all.map(labels => `{ ${Object.entries(labels).map(([a, value]) => `${a}${id}: ${value}`).join(', ')} }`).join(', ')}]`] : [])
  return [`k${id}: [${axis.join(', ')}]`, ...(second.length > 0 ? [`j${id}: [${second.join(', ')}]`] : []), ...entries('exclude', exclude), ...entries('include', include)].join(', ')
}

function condition({ of, over }: Condition, { params }: World, nameOf: (id: number) => string, digest: (ref: Ref) => string): string {
  if ('param' in of) return `params.p${of.param % params.length} > ${over}`
  if ('stage' in of) return `stages.${nameOf(of.stage)}.metrics.all > ${over}`
  return [...'0123456789abcdef'].filter(digit => Number.parseInt(digit, 16) > over).map(digit => `startsWith(${digest(of.digestOf)}, '${digit}')`).join(' || ')
}

/** As it stands in the file, with its expressions. */
interface Written {
  readonly add: string
  readonly word: string | undefined
  readonly paths: string | undefined
}

function pluginParams(s: Stage, { add, word, paths }: Written): string {
  return [
    `mod: ${s.mod}`, `add: ${add.startsWith('$') ? text(add) : add}`,
    ...(word === undefined ? [] : [`word: ${text(word)}`]), ...(paths === undefined ? [] : [`paths: [${text(paths)}]`]),
    ...(s.rounds === 1 ? [] : [`rounds: ${s.rounds}`]), ...(s.uses === 'fetch' ? [`source: ${s.source}`] : []), ...(s.secret === 'with' ? ['pass: "${{ secrets.TOKEN }}"'] : []), ...(s.isFragile ? ['fragile: true'] : []),
  ].join(', ')
}

/** Passes on a row of each port, says what its variables hold, and the labels of what it gathers. */
function shellParams(s: Stage, { add, word, paths }: Written): string {
  const lines = [
    'export LC_ALL=C',
    ...(s.isFragile ? ['if [ -e outage/all ] || { [ -e outage/first ] && [ ! -e "$HONE_SCRATCH/met" ]; }; then touch "$HONE_SCRATCH/met"; exit 3; fi'] : []),
    ...(s.secret === 'with' ? ['case "${{ secrets.TOKEN }}" in tok-?-tok) ;; *) exit 4 ;; esac; echo "with ${{ secrets.TOKEN }}"'] : []),
    ...(s.secret === 'env' ? ['case "$T" in tok-?-tok) ;; *) exit 4 ;; esac; echo "with $T"'] : []),
    '{',
    ...s.ports.map(({ name }) => (name === 'c' ? `sed 's/.*/{"v":&,"from":"c"}/' "$HONE_INPUT_C/v.txt"` : `sed -n 1p "$HONE_INPUT_${name.toUpperCase()}"`)),
    ...(s.many.length ? ['sed -n "s/.*\\"label\\": \\(\\".*\\"\\),/{\\"v\\":0,\\"label\\":\\1}/p" "$HONE_INPUT_MANY/index.json"', 'for f in "$HONE_INPUT_MANY"/[0-9]*; do sed -n 2p "$f"; done'] : []),
    ...(s.boxes.length ? [`for f in "$HONE_INPUT_BOXES"/[0-9]*; do sed 's/.*/{"v":&,"from":"box"}/' "$f/v.txt"; done`] : []),
    ...(paths === undefined ? [] : [`awk '{ print "{\\"v\\":" FNR ",\\"line\\":\\"" $0 "\\"}" }' ${paths}`]),
    `printf '{"v":%d,"word":"%s","env":"%s"}\\n' ${add} "${word ?? ''}" "\${E-}"`,
    '} > "$HONE_OUTPUT_OUT"',
    `printf '{"v":%d}\\n' ${add} > "$HONE_OUTPUT_SIDE"`,
    'cd "$HONE_OUTPUT_BOX"; mkdir -p deep/er',
    `echo ${add} > v.txt; echo same > same.txt; : > empty; ln -s v.txt link.txt; cp "$HONE_OUTPUT_OUT" deep/er/out.jsonl`,
    ...(s.ports.some(({ name }) => name === 'c') ? ['cp "$HONE_INPUT_C/link.txt" c.txt'] : []),
  ]
  return `command: ${text(lines.join('\n'))}, outputs: { out: rows, side: rows, box: folder }${paths === undefined ? '' : `, files: [${text(paths)}]`}`
}
