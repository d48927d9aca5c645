// Stages that read from outside the project, against a server on loopback: with a probe what they made follows the data, without one it is pinned.
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Project } from './rig.js'

const test = suite('outside data')

const plugin = `import { definePlugin, defineStage, defineKind, params } from 'hone-engine'
const rows = defineKind({ id: 'lines', summary: 'Lines.', form: 'file', extension: 'jsonl', rows: {} })
const fetching = (id, more) => defineStage({
  id, version: 1, summary: 'Fetches.', inputs: {}, outputs: { rows: { kind: rows } }, determinism: 'none',
  params: params({ type: 'object', required: ['url'], properties: { url: { type: 'string' }, token: { type: 'string' } } }),
  run: () => import('./fetch.run.js'), ...more,
})
const probe = async ({ params, signal }) => {
  const { headers, ok, status } = await fetch(params.url, { method: 'HEAD', signal, headers: { authorization: params.token ?? '' } })
  if (!ok) throw new Error('the server answers ' + status + ' to ' + params.token)
  return headers.get('etag')
}
export default definePlugin({ name: 'fetching', api: 1, kinds: [rows], stages: [fetching('fetch/probed', { probe }), fetching('fetch/once', {})] })
`
const files = {
  'plugin.js': plugin,
  'fetch.run.js': `export default async function run({ params, outputs }) {
  const answer = await fetch(params.url)
  await outputs.rows.write({ said: await answer.text() })
}
`,
}

/** A server that says `text` under the ETag `etag`, and counts what it was asked. */
class Site {
  text = 'one'
  etag = '"1"'
  status = 200
  /** Called after each GET. */
  onGet = () => {}
  asked: string[] = []
  readonly #server: Server = createServer(({ method }, answer) => {
    this.asked.push(method!)
    answer.writeHead(this.status, { etag: this.etag, connection: 'close' })
    answer.end(method === 'HEAD' ? undefined : this.text)
    if (method === 'GET') this.onGet()
  })
  #port = 0

  async open(): Promise<this> {
    await new Promise<void>(done => this.#server.listen(this.#port, '127.0.0.1', done))
    // A failed test must not wait for it.
    this.#server.unref()
    this.#port = (this.#server.address() as AddressInfo).port
    return this
  }
  close = () => new Promise<void>(done => this.#server.close(() => done()))
  get url() {
    return `http://127.0.0.1:${this.#port}/rows`
  }
  /** What was asked since the last look. */
  since(): string[] {
    return this.asked.splice(0)
  }
}

const projectOf = (site: Site, uses: string, more = '') =>
  Project.make({ ...files, 'pipeline.yaml': `plugins: [./plugin.js]\nstages:\n  rows: { uses: ${uses}, with: { url: "${site.url}"${more} } }\n` })
const read = (project: Project, ran: Awaited<ReturnType<Project['run']>>) => {
  const { path } = ran.finished('rows').outputs.rows!
  return project.read(path.slice(project.root.length + 1))
}

test('a run asks the probe: the same answer is a hit, another one fetches, and a plan asks nobody', async () => {
  const site = await new Site().open()
  const project = projectOf(site, 'fetch/probed')
  const plan = async () => (await project.hone('plan', 'pipeline.yaml', '--json')).json.stages.rows
  assert.equal([(await plan()).action, (await plan()).reasons], ['run', ['its outside data has not been asked after yet: `hone run` does']])
  assert.equal(site.since(), [])
  const first = await project.run()
  assert.equal([first.statuses, read(project, first)], [{ rows: 'ran' }, '{"said":"one"}\n'])
  assert.equal(site.since(), ['HEAD', 'GET', 'HEAD'], 'before the plan, the stage itself, and once more after it')
  const again = await project.run()
  assert.equal([again.statuses, again.finished('rows').because], [{ rows: 'hit' }, []])
  assert.equal(site.since(), ['HEAD'])

  const planned = await plan()
  assert.is(planned.action, 'hit')
  assert.match(planned.reasons[0], /^outside data as of \d{4}-\d\d-\d\d \d\d:\d\d UTC$/)
  Object.assign(site, { text: 'two', etag: '"2"' })
  assert.is((await plan()).action, 'hit', 'a plan knows what the last run was told')
  assert.equal(site.since(), [])
  const moved = await project.run()
  assert.equal([moved.statuses, moved.finished('rows').because, read(project, moved)], [{ rows: 'ran' }, ['outside data: "\\"1\\"" → "\\"2\\""'], '{"said":"two"}\n'])
  Object.assign(site, { text: 'one', etag: '"1"' })
  const back = await project.run()
  assert.equal([back.statuses, read(project, back)], [{ rows: 'hit' }, '{"said":"one"}\n'])
  await site.close()
})

test('where the server is away what was last known counts, and a warning says so; where nothing is known the stage itself fails', async () => {
  const site = await new Site().open()
  const project = projectOf(site, 'fetch/probed')
  await project.run()
  await site.close()
  const ran = await project.run()
  assert.equal(ran.statuses, { rows: 'hit' })
  assert.match(ran.finished('rows').because[0]!, /^outside data as of /)
  const [warning] = ran.of('diagnostic').map(e => e.diagnostic)
  assert.equal([warning!.code, warning!.severity, warning!.range!.line], ['outside-data', 'warning', 3])
  assert.match(warning!.message, /^The outside data of rows cannot be asked after: fetch failed: .*ECONNREFUSED/)
  assert.match((await project.hone('run', 'pipeline.yaml')).stderr, /warning: The outside data of rows cannot be asked after: /)
  const fresh = projectOf(site, 'fetch/probed')
  const failed = await fresh.run()
  assert.equal([failed.code, failed.statuses], [1, { rows: 'failed' }])
  assert.match(failed.of('stage-started')[0]!.because[0]!, /^its outside data cannot be asked after \(fetch failed: .*\), so what it makes is not kept$/)
})

test('a result whose data changed while it was fetched serves the run and is not kept', async () => {
  const site = await new Site().open()
  const project = projectOf(site, 'fetch/probed')
  site.onGet = () => (site.etag = '"2"')
  const ran = await project.run()
  assert.equal([ran.statuses, ran.finished('rows').key], [{ rows: 'ran' }, null])
  assert.ok(ran.of('log').some(e => e.level === 'warn' && e.message === 'its outside data changed while it ran, so the result serves this run and is not kept'))
  assert.equal((await project.run()).statuses, { rows: 'ran' })
  assert.equal((await project.run()).statuses, { rows: 'hit' })
  await site.close()
})

test('a secret in what a probe throws is cut out, and none is kept', async () => {
  const site = await new Site().open()
  const project = projectOf(site, 'fetch/probed', ', token: "${{ secrets.TOKEN }}"')
  const env = { HONE_SECRET_TOKEN: 'open-sesame' }
  await project.start(['run', 'pipeline.yaml'], { env }).ended
  site.status = 403
  const ran = await project.start(['run', 'pipeline.yaml'], { env }).ended
  assert.match(ran.stderr, /the server answers 403 to \*\*\*/)
  assert.not.match(ran.stdout + ran.stderr, /open-sesame/)
  await site.close()
})

test('without a probe data is fetched once, then pinned with its date until --refresh', async () => {
  const site = await new Site().open()
  const project = projectOf(site, 'fetch/once')
  const first = await project.run()
  Object.assign(site, { text: 'two', etag: '"2"' })
  const again = await project.run()
  assert.equal([again.statuses, again.finished('rows').because], [{ rows: 'hit' }, [`pinned ${first.of('run-started')[0]!.at.slice(0, 10)}`]])
  assert.match((await project.hone('plan', 'pipeline.yaml')).stdout, /hit +pinned \d{4}-\d\d-\d\d/)
  assert.equal(site.since(), ['GET'])
  const refreshed = await project.run('--refresh', 'rows')
  assert.equal([refreshed.statuses, read(project, refreshed)], [{ rows: 'ran' }, '{"said":"two"}\n'])
  assert.equal(read(project, await project.run()), '{"said":"two"}\n')
  await site.close()
})

test.run()
