// A stage whose function returns before its work is done, in a thread and in a process: never half a result that is kept.
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Project } from './rig.js'

const test = suite('stages that return too early')

const plugin = `import { writeFile } from 'node:fs/promises'
import { spawn } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import { join } from 'node:path'
import { defineKind, definePlugin, defineStage, params } from 'hone-engine'
import { rows } from 'hone-plugins'
const page = defineKind({ id: 'page', summary: 'A page.', form: 'file', extension: 'html' })
const pages = defineKind({ id: 'pages', summary: 'Pages.', form: 'folder' })
const runs: Record<string, (outputs: any, metric: any) => unknown> = {
  rows: ({ rows }) => [0, 20, 40].forEach(async ms => { if (ms > 0) await sleep(ms); await rows.write({ ms }) }),
  chained: ({ rows }) => void rows.write({ ms: 0 }).then(() => new Promise(done => setImmediate(done))).then(() => rows.write({ ms: 1 })),
  file: ({ page }) => void writeFile(page.path, 'half').then(() => sleep(100)).then(() => writeFile(page.path, 'a whole page')),
  folder: async ({ pages }) => { await writeFile(join(pages.path, 'a.html'), ''); void sleep(30).then(() => writeFile(join(pages.path, 'b.html'), '')) },
  process: async ({ page }) => { await writeFile(page.path, 'half'); spawn('sh', ['-c', 'sleep 0.2; echo whole > "$0"', page.path]) },
  metric: async ({ rows }, metric) => { await rows.write({ ms: 0 }); setTimeout(() => metric('seconds', 1), 30) },
  open: async ({ rows }) => { await rows.write({ ms: 0 }); setInterval(() => {}, 1000) },
  sound: async ({ rows, page, pages }) => { setInterval(() => {}, 1000).unref(); await writeFile(page.path, ''); await Promise.all(Array.from({ length: 50 }, (_, ms) => sleep(ms % 3).then(() => rows.write({ ms })))) },
}
const stage = (name: string, light: boolean) => defineStage({ id: \`early/\${name}\${light ? '-light' : ''}\`, version: 1, summary: 'For a test.', light, determinism: 'none', params: params({ type: 'object', additionalProperties: false, properties: {} }), inputs: {},
  outputs: { rows: { kind: rows, optional: true }, page: { kind: page, optional: true }, pages: { kind: pages, optional: true } }, run: async () => ({ default: ({ outputs, metric }: any) => runs[name]!(outputs, metric) as any }) })
export default definePlugin({ name: 'early', api: 1, kinds: [page, pages], stages: Object.keys(runs).flatMap(name => [stage(name, true), stage(name, false)]) })
`
const names = ['rows', 'chained', 'file', 'folder', 'process', 'metric', 'open', 'sound'].flatMap(name => [name, `${name}-light`])
const late: Readonly<Record<string, RegExp>> = {
  rows: /^row 2 of the output "rows" was written after the stage's function had returned: await what writes it$/,
  chained: /^row 2 of the output "rows" was written after the stage's function had returned/,
  file: /^the output "page" was still being written after the stage's function had returned: await what writes it$/,
  folder: /^the output "pages" was still being written after/,
  process: /^the output "page" was still being written after/,
  metric: /^the metric seconds was given after the stage's function had returned: await what gives it$/,
}

test('what comes late fails the stage by name, and nothing of it is kept', async () => {
  const project = Project.make({ 'plugin.ts': plugin, 'pipeline.yaml': `plugins: [./plugin.ts]\nstages:\n${names.map(name => `  ${name}: { uses: early/${name}, retry: { attempts: 2 } }\n`).join('')}` })
  const ran = await project.run('--keep-going')
  for (const name of names) {
    const message = late[name.replace('-light', '')]
    assert.is(ran.statuses[name], message ? 'failed' : 'ran', name)
    if (!message) continue
    const { failure } = ran.finished(name)
    assert.match(failure!.message, message, name)
    assert.equal([failure!.reason, failure!.final], ['returned-early', true], name)
  }
  assert.equal(ran.of('stage-retry'), [])
  const warned = ran.of('log').filter(e => e.level === 'warn').map(e => `${e.stage}: ${e.message}`)
  assert.equal(warned.sort(), ['open-light', 'open'].map(name => `${name}: its function has returned, and what it began goes on (Timeout): await it, or close it`))
  const kept = (await project.hone('cache', 'ls', '--json')).json.records as { node: string }[]
  assert.equal(kept.map(r => r.node).sort(), names.filter(name => ran.statuses[name] === 'ran').sort())
})

test.run()
