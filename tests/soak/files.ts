// A world as the files of a project.
import type { Ref, Stage, World } from './world.js'

const text = JSON.stringify

export function filesOf(world: World): Record<string, string> {
  const { functions, unreached, comment } = world.code
  const said = '// Said again.\n'.repeat(comment % 3)
  const sum = (i: number, a: string) => (functions[i]!.isTurned ? `${functions[i]!.constant} + ${a}` : `${a} + ${functions[i]!.constant}`)
  return {
    'pipeline.yaml': yamlOf(world),
    ...Object.fromEntries(world.data.map(({ name, lines }) => [`data/${name}.txt`, lines.join('\n')])),
    'plugin.ts': plugin,
    'mix.ts': `import { total } from './total.js'\nimport { spread } from './spread.js'\n${said}import { tint } from './tint.js'\nexport default c => total(c, (n, i) => spread(tint(n, i), c.params.mod))\n`,
    'twist.ts': `import { total } from './total.js'\nimport { spread } from './spread.js'\nimport { turn } from './deep/turn.js'\nexport default c => total(c, (n, i) => spread(turn(n) - i, c.params.mod))\n`,
    'spread.ts': `${said}export const spread = (n, mod) => (${sum(0, 'n')}) % mod\nexport const unreached = () => ${unreached}\n`,
    'tint.ts': `export const tint = (n, i) => ${sum(1, 'n * (i + 1)')}\n`,
    'deep/turn.ts': `export const turn = n => ${sum(2, 'n * 3')}\n${said}`,
    'total.ts': total,
  }
}

const plugin = `import { defineKind, definePlugin, defineStage, params } from 'hone-engine'
const numbers = defineKind({ id: 'numbers', summary: 'Rows of a number.', form: 'file', extension: 'jsonl', rows: {} })
const lines = defineKind({ id: 'lines', summary: 'A text.', form: 'file' })
const one = { kind: numbers, optional: true }
const stage = (id, run) => defineStage({
  id, version: 1, summary: 'Makes numbers of all that it is given.', determinism: 'bytes', light: true, run,
  params: params({ type: 'object', additionalProperties: false, properties: {
    add: { type: 'integer', default: 2 }, mod: { type: 'integer' }, word: { type: 'string', default: 'w' },
    paths: { type: 'array', items: { type: 'string' }, artifact: { port: 'files', glob: true } },
  } }),
  inputs: { a: one, b: one, many: { ...one, many: true }, files: { kind: lines, many: true, optional: true } },
  outputs: { out: { kind: numbers }, side: { kind: numbers } },
})
export default definePlugin({ name: 'soak', api: 1, kinds: [numbers, lines], stages: [
  stage('soak/mix', () => import('./mix.js')),
  stage('soak/twist', () => import('./twist.js')),
] })
`

const total = `import { readFileSync } from 'node:fs'
const hash = text => { let n = 7; for (const c of text) n = (n * 31 + c.charCodeAt(0)) % 1009; return n }
const sum = async rows => { let n = 0; if (rows) for await (const { v } of rows) n = n * 3 + v; return n % 1009 }
export async function total({ params, inputs, outputs, seed, env, metric }, each) {
  let n = params.add * 3 + hash(params.word) + seed * 5 + hash(env.E ?? '') + 7 * await sum(inputs.a) + 11 * await sum(inputs.b)
  for (const [i, member] of (inputs.many ?? []).entries()) n += hash(member.label) * (i + 1) + 13 * (i + 2) * await sum(member)
  for (const [i, file] of (inputs.files ?? []).entries()) n += hash(file.logicalName) * (i + 1) + hash(readFileSync(file.path, 'utf8'))
  let all = 0
  for (let i = 0; i < 3; i++) {
    const v = each(n, i)
    all += v
    await outputs.out.write({ v })
  }
  await outputs.side.write({ v: params.add })
  metric('all', all)
}
`

function yamlOf(world: World): string {
  const { stages, params, seed, env, turn, comment } = world
  const turned = [...stages.slice(turn % stages.length), ...stages.slice(0, turn % stages.length)]
  const defaults = [...(seed === undefined ? [] : [`seed: ${seed}`]), ...(env === undefined ? [] : [`env: { E: ${text(env)} }`])]
  return `${'# A comment.\n'.repeat(comment % 3)}plugins: [./plugin.ts]
params: { ${params.map((value, i) => `p${i}: ${value}`).join(', ')} }
${defaults.length ? `defaults: { ${defaults.join(', ')} }\n` : ''}stages:
${turned.map(stage => `  ${stage.name}:\n${stageLines(world, stage).map(line => `    ${line}\n`).join('')}`).join('')}`
}

function stageLines(world: World, s: Stage): string[] {
  const nameOf = (id: number) => world.stages.find(stage => stage.id === id)!.name
  const ref = ({ stage, port }: Ref) => `${nameOf(stage)}.${port}`
  const add = typeof s.add === 'number' ? s.add : s.add === 'axis' ? `"\${{ matrix.k${s.id} }}"` : `"\${{ params.p${s.add.param % world.params.length} }}"`
  const paths = s.file === undefined ? '' : `, paths: [${s.file === 'all' ? '"data/*.txt"' : `data/${world.data[s.file]!.name}.txt`}]`
  const members = s.many.map(m => (s.isLabelled ? `${m.label}: ${ref(m.ref)}` : ref(m.ref))).join(', ')
  const inputs = [...s.ports.map(p => `${p.name}: ${ref(p.ref)}`), ...(members ? [`many: ${s.isLabelled ? `{ ${members} }` : `[${members}]`}`] : [])]
  const when = s.when && ('param' in s.when.of ? `params.p${s.when.of.param % world.params.length}` : `stages.${nameOf(s.when.of.stage)}.metrics.all`)
  return [
    `uses: soak/${s.uses}`,
    ...(inputs.length ? [`inputs: { ${inputs.join(', ')} }`] : []),
    ...(s.needs.length ? [`needs: [${s.needs.map(nameOf).join(', ')}]`] : []),
    `with: { mod: ${s.mod}, add: ${add}${s.word === undefined ? '' : `, word: ${text(s.word)}`}${paths} }`,
    ...(s.axis.length ? [`matrix: { k${s.id}: [${s.axis.join(', ')}] }`] : []),
    ...(s.seed === undefined ? [] : [`seed: ${s.seed}`]),
    ...(s.env === undefined ? [] : [`env: { E: ${text(s.env)} }`]),
    ...(s.isCached ? [] : ['cache: false']),
    ...(s.threads === 1 ? [] : [`resources: { cpus: ${s.threads} }`]),
    ...(s.when ? [`when: "\${{ ${when} > ${s.when.over} }}"`] : []),
  ]
}
