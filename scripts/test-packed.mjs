// npm run test:packed: packs every package, installs the tarballs with plain npm in a folder outside the workspace, and goes the way of who installs hone:
// `hone init`, the command that it prints, the same again. HONE_TEST_NPM=10.9.4 takes another npm than the one that is here.
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, realpathSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { packAll } from './pack.mjs'
import { root } from './prepare.mjs'

const counts = { passed: 0, failed: 0 }
function check(what, holds, detail = '') {
  counts[holds ? 'passed' : 'failed']++
  console.log(`${holds ? 'ok  ' : 'FAIL'} ${what}${detail && `: ${detail}`}`)
}

const work = realpathSync(mkdtempSync(join(tmpdir(), 'hone packed ')))
const project = join(work, 'my project')

// What npm tells the scripts that it starts would reach the npm that is tried here, with this repository's settings.
const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(npm_|HONE_|NODE_|NO_COLOR$|FORCE_COLOR$|CI$)/i.test(name)))
/** A line as it is typed, in the project. */
function type(line) {
  const started = performance.now()
  const { status, stdout, stderr } = spawnSync(line, { cwd: project, shell: true, env, encoding: 'utf8', maxBuffer: 1 << 28, timeout: 600_000 })
  return { code: status, stdout, stderr, seconds: (performance.now() - started) / 1000 }
}
const told = ({ code, stdout, stderr }) => (code === 0 ? '' : `exit ${code}\n${stdout}${stderr}`)
const statuses = ({ stdout }) => Object.values(stdout.split('\n').filter(line => line.startsWith('{')).map(line => JSON.parse(line)).findLast(event => event.type === 'run-finished')?.stages ?? {})
const areHits = ran => ran.code === 0 && statuses(ran).length > 0 && statuses(ran).every(status => status === 'hit')
const filesBelow = folder => readdirSync(folder, { recursive: true, withFileTypes: true }).filter(entry => entry.isFile()).map(entry => join(entry.parentPath, entry.name))

try {
  mkdirSync(project)
  const packages = packAll(join(work, 'tarballs'))
  const npm = process.env.HONE_TEST_NPM ? `npx --yes npm@${process.env.HONE_TEST_NPM}` : 'npm'
  const installed = type(`${npm} install --no-audit --no-fund --onnxruntime-node-install=skip ${packages.map(p => JSON.stringify(p.filename)).join(' ')}`)
  check(`plain npm ${type(`${npm} --version`).stdout.trim()} installs the packages`, installed.code === 0, told(installed) || `${installed.seconds.toFixed(0)} s`)

  const init = type('./node_modules/.bin/hone init')
  check('hone init makes a project beside what npm left', init.code === 0, told(init))
  const next = /^next: (.+)$/m.exec(init.stdout)?.[1] ?? 'false'
  check('it prints the command as it must be typed here', next.startsWith('./node_modules/.bin/hone run '), next)
  const first = type(`${next} --json`)
  // A quarter of a minute of one core, when nothing else runs.
  check('that command runs the project, soon', first.code === 0 && first.seconds < 240, told(first) || `${first.seconds.toFixed(0)} s: ${statuses(first).join(' ')}`)
  const metricOf = stage => JSON.parse(type(`./node_modules/.bin/hone show last ${stage} --json`).stdout).metrics?.exact_match
  const [base, tuned] = [metricOf('base_answers'), metricOf('tuned_answers')]
  check('the tuned model answers held-out messages better than its base and than chance', tuned > base && tuned > 0.4, `exact match ${base} and ${tuned}`)
  const answers = readFileSync(join(project, 'out/answers.md'), 'utf8')
  check('out/answers.md shows both beside the reference', answers.startsWith('| question | reference | base | tuned |\n') && answers.trimEnd().split('\n').length === 12)
  console.log(answers)
  check('typed again, every stage is a hit', areHits(type(`${next} --json`)))

  const digests = JSON.parse(readFileSync(join(root, 'packages/plugins/dist/digests.json'), 'utf8'))
  const records = filesBelow(join(project, '.hone/actions')).filter(file => file.endsWith('.json')).map(file => JSON.parse(readFileSync(file, 'utf8')))
  const ofBuiltIn = records.filter(record => record.uses in digests)
  check('the code of built-in stages counts as at build time', ofBuiltIn.length === 7 && ofBuiltIn.every(record => JSON.stringify(record.components).includes(digests[record.uses])), `${ofBuiltIn.length} records`)

  // Who writes a plugin here: the example of the engine's README, and an import of each package, with all that their declarations lead to.
  const example = /```ts\n([^]*?)```/.exec(readFileSync(join(project, 'node_modules/hone-engine/README.md'), 'utf8'))[1]
  writeFileSync(join(project, 'plugins/first.ts'), example)
  writeFileSync(join(project, 'plugins/uses.ts'), "import { runPipeline } from 'hone-engine'\nimport * as testing from 'hone-engine/testing'\nimport { writeSafetensors } from 'hone-lm'\nimport { generateText } from 'hone-plugins'\nexport const uses = [runPipeline, testing, writeSafetensors, generateText]\n")
  const compilerOptions = { target: 'es2022', module: 'nodenext', moduleResolution: 'nodenext', strict: true, exactOptionalPropertyTypes: true, noUncheckedIndexedAccess: true, verbatimModuleSyntax: true, types: ['node'], noEmit: true }
  writeFileSync(join(project, 'tsconfig.json'), JSON.stringify({ compilerOptions, include: ['plugins'] }))
  writeFileSync(join(project, 'package.json'), JSON.stringify({ ...JSON.parse(readFileSync(join(project, 'package.json'), 'utf8')), type: 'module' }))
  const nodeTypes = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).devDependencies['@types/node']
  type(`${npm} install --no-audit --no-fund --onnxruntime-node-install=skip --save-dev @types/node@${nodeTypes}`)
  const tsc = JSON.stringify(join(root, 'node_modules/.bin/tsc'))
  const typed = type(`${tsc} --skipLibCheck`)
  check('plugins are type-checked against the packages', typed.code === 0, told(typed))
  // Without skipLibCheck tfjs-core's own declarations are wrong, but ours are not.
  const wrong = type(tsc).stdout.split('\n').filter(line => /^(node_modules\/hone-|plugins\/)/.test(line))
  check('the declarations hold', wrong.length === 0, wrong.join('\n'))
  writeFileSync(join(project, 'first.yaml'), 'plugins: [./plugins/first.ts]\nstages:\n  rows: { uses: ingest/table, with: { path: data/messages.csv } }\n  few: { uses: select/first, inputs: { rows: rows }, with: { n: 3 }, publish: { rows: out/few.jsonl } }\n')
  const few = type('./node_modules/.bin/hone run first.yaml')
  check('and the example runs', few.code === 0 && readFileSync(join(project, 'out/few.jsonl'), 'utf8').trimEnd().split('\n').length === 3, told(few))

  const made = type('./node_modules/.bin/hone new stage count-words --json')
  const tested = type(JSON.parse(made.stdout || '{"next":"false"}').next)
  check('hone new stage writes a stage, and the test that it prints passes', tested.code === 0 && /^# fail 0$/m.test(tested.stdout), told(made) || told(tested))
  const begun = type('./node_modules/.bin/hone new plugin @acme/hone-words')
  const given = type(`cd hone-words && ${npm} install --no-audit --no-fund ${packages.map(p => JSON.stringify(p.filename)).join(' ')}`)
  const passed = type('cd hone-words && npm test')
  check('hone new plugin writes a package whose types hold and whose test passes', passed.code === 0 && /^# fail 0$/m.test(passed.stdout), told(begun) || told(given) || told(passed))
  const packed = type(`cd hone-words && ${npm} pack --silent && cd .. && ${npm} install --no-audit --no-fund ./hone-words/acme-hone-words-0.1.0.tgz`)
  writeFileSync(join(project, 'words.yaml'), 'plugins: ["@acme/hone-words"]\nstages:\n  rows: { uses: ingest/table, with: { path: data/messages.csv } }\n  counted: { uses: rows/words, inputs: { rows: rows }, with: { column: MESSAGE } }\n'.replace('MESSAGE', readFileSync(join(project, 'data/messages.csv'), 'utf8').split(/[,\n]/)[0]))
  const counted = type('./node_modules/.bin/hone run words.yaml --json')
  check('and packed and installed beside hone it runs', counted.code === 0 && statuses(counted).join() === 'hit,ran', told(packed) || told(counted) || statuses(counted).join())

  // As npm lays them out where the project itself has another version of one of them.
  const modules = join(project, 'node_modules')
  const nested = join(modules, 'hone-cli/node_modules')
  mkdirSync(nested, { recursive: true })
  for (const name of ['hone-engine', 'hone-lm', 'hone-plugins', 'hone-tiny']) renameSync(join(modules, name), join(nested, name))
  writeFileSync(join(project, 'pipeline.yaml'), `${readFileSync(join(project, 'pipeline.yaml'), 'utf8')}# edited\n`)
  const again = type(`${next} --json`)
  check('where its packages are nested below hone-cli, every stage is still a hit', areHits(again), told(again))
  const fresh = type('./node_modules/.bin/hone init "another one" && ./node_modules/.bin/hone plan "another one/pipeline.yaml" --json')
  check('and a project of its own is made and planned from there', fresh.code === 0, told(fresh))
} finally {
  rmSync(work, { recursive: true, force: true })
}
console.log(`${counts.passed} passed, ${counts.failed} failed`)
process.exit(counts.failed > 0 ? 1 : 0)
