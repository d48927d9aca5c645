import { spawn } from 'node:child_process'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { Project, plugin, statuses } from './project.js'

const source = (name: string) => JSON.stringify(new URL(`../src/${name}`, import.meta.url).href)

test('a run that looked before another published, and takes the lock after it, finds the result', async () => {
  const project = await Project.make({
    'plugin.ts': plugin({ 'make/row': { run: `async ({ outputs, projectRoot }) => { (await import('node:fs')).appendFileSync(projectRoot + '/worked', 'x'); await outputs.rows.write({ a: 1 }) }` } }),
    'pipeline.yaml': 'plugins: [./plugin.ts]\nstages:\n  row: { uses: make/row }\n',
  })
  // Another process stands still between its look into the store and the lock.
  writeFileSync(
    project.path('late.mts'),
    `import { existsSync, writeFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { FileStore } from ${source('artifacts/store.ts')}
import { runPipeline } from ${source('run.ts')}
const dir = ${JSON.stringify(project.root)}
const { lock } = FileStore.prototype
FileStore.prototype.lock = async function (...args) {
  writeFileSync(dir + '/looked', '')
  while (!existsSync(dir + '/go')) await sleep(5)
  return lock.apply(this, args)
}
await runPipeline({ file: dir + '/pipeline.yaml', builtIn: [] }, [e => e.type === 'stage-finished' && writeFileSync(dir + '/late', JSON.stringify([e.status, e.because]))])
`,
  )
  const late = spawn(process.execPath, [...process.execArgv, project.path('late.mts')], { cwd: fileURLToPath(new URL('../../..', import.meta.url)), stdio: 'inherit' })
  const ended = new Promise<number | null>(done => late.once('close', done))
  for (let i = 0; i < 2400 && !existsSync(project.path('looked')) && late.exitCode === null; i++) await sleep(25)
  assert.ok(existsSync(project.path('looked')), 'the other process came to the lock')
  assert.equal(statuses(await project.run()), { row: 'ran' })
  writeFileSync(project.path('go'), '')
  assert.is(await ended, 0)
  assert.equal(JSON.parse(readFileSync(project.path('late'), 'utf8')), ['hit', ['made meanwhile by another process']])
  assert.is(readFileSync(project.path('worked'), 'utf8'), 'x', 'the work was done once')
})

test.run()
