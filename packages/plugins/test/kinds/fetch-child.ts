// Fetches a model as `hone run` does, in a process that a test can kill. Arguments: reference, commit, cache folder, endpoint.
import { model } from '../../src/kinds/model.js'

const [reference, pin, cacheDir, endpoint] = process.argv.slice(2) as [string, string, string, string]
const context = { cacheDir, env: { HF_ENDPOINT: endpoint }, secretOf: () => undefined, signal: new AbortController().signal, progress: () => {} }
await model.resolve!(reference)!.fetch(pin, undefined, context)
