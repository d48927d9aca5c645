// npm run soak -- [--seed N] [--pipelines N] [--through process|command] [--shrink] [--path …]: random pipelines against the truth.
import { parseArgs } from 'node:util'
import fc from 'fast-check'
import { driverOf, type Drive } from './drive.js'
import { checkHistory, histories } from './history.js'
import { nothingTried, told } from './tried.js'

const { values } = parseArgs({ options: { seed: { type: 'string' }, pipelines: { type: 'string', default: '200' }, through: { type: 'string', default: 'process' }, path: { type: 'string' }, shrink: { type: 'boolean', default: false } } })
const seed = Number(values.seed ?? Math.floor(Math.random() * 2 ** 31))
const numRuns = Number(values.pipelines)
if (!Number.isInteger(seed) || !Number.isInteger(numRuns) || !['process', 'command'].includes(values.through)) {
  console.error('usage: npm run soak -- [--seed N] [--pipelines N] [--through process|command] [--shrink] [--path WHAT FAST-CHECK SAID]')
  process.exit(2)
}
const tried = nothingTried()
const holds = 'every result is that of a fresh run, and nothing ran that was there already'
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    console.log(`stopped: ${told(tried, seed)}\nuntil then ${holds}`)
    process.exit(130)
  })
}
console.log(`${numRuns} random pipelines from seed ${seed}, by ${values.through === 'process' ? 'the engine in one process' : 'the command'}`)
const driver = await driverOf(values.through as Drive)
const startedAtMs = performance.now()
let toldAtMs = startedAtMs
const details = await fc.check(
  fc.asyncProperty(histories, async history => {
    await checkHistory(history, driver, tried)
    const nowMs = performance.now()
    if (nowMs < toldAtMs + 20_000) return
    toldAtMs = nowMs
    console.log(`${tried.pipelines} pipelines, ${tried.runs} runs, ${Math.round((nowMs - startedAtMs) / 1000)} s`)
  }),
  { seed, numRuns, endOnFailure: !values.shrink, ...(values.path !== undefined && { path: values.path }) },
)
await driver.close()
console.log(told(tried, seed))
if (details.failed) {
  console.error(fc.defaultReportMessage(details))
  console.error(details.errorInstance)
  process.exitCode = 1
} else console.log(holds)
