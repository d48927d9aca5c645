// A short soak: random pipelines against the truth. `npm run soak` tries more, from any seed.
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { root } from './sources.js'
import { checkHistory, nothingTried, type History } from './soak/history.js'
import type { Driver } from './soak/drive.js'

const test = suite('random pipelines')

function soak(...args: string[]): Promise<{ code: number | null; said: string }> {
  return new Promise(done => {
    const child = spawn(process.execPath, [join(root, 'scripts/soak.mjs'), ...args], { cwd: root })
    let said = ''
    for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text: string) => (said += text))
    child.on('close', code => done({ code, said }))
  })
}

test('after each edit and each interrupt the result is that of a fresh run, and nothing ran that was there already', async () => {
  const { code, said } = await soak('--seed', '11', '--pipelines', '8')
  assert.is(code, 0, said)
  assert.match(said, /^8 pipelines from seed 11: \d\d runs, each against an empty store, and \d\d interrupted ones; \d{3} nodes: \d\d ran, \d{2,3} hit, \d+ skipped$/m)
})

test('the same through the command, which is killed', async () => {
  const { code, said } = await soak('--seed', '4', '--pipelines', '1', '--through', 'command')
  assert.is(code, 0, said)
  assert.match(said, /^1 pipelines from seed 4: \d+ runs, each against an empty store, and [1-9]\d* interrupted ones/m)
})

test('a stage that ran in vain, one that did not run and one that left other bytes are told', async () => {
  const history: History = { made: [], steps: [], shuffleSeed: 0 }
  const says = async (events: readonly object[]) => {
    const driver = { plan: () => Promise.resolve({}), run: () => Promise.resolve(events), close: () => Promise.resolve() } as unknown as Driver
    return checkHistory(history, driver, nothingTried()).then(() => 'nothing', (e: Error) => e.message)
  }
  const finished = (status: string) => ({ type: 'stage-finished', stage: 's0', status, because: [], outputs: {} })
  assert.match(await says([]), /^nodes: {2}instead of s0\n/)
  assert.match(await says([finished('hit')]), /^s0\.out: undefined instead of \{"v":/)
  assert.match(await says([finished('hit')]), /\nnobody ran s0 \(\)\n/)
  assert.match(await says([finished('skipped')]), /^s0 is skipped : true instead of false\n/)
})

test.run()
