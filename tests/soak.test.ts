// A short soak: random pipelines against the truth. `npm run soak` tries more, from any seed.
import { spawn, type ChildProcess } from 'node:child_process'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { root } from './sources.js'
import { checkHistory, type History } from './soak/history.js'
import type { Driver } from './soak/drive.js'
import { nothingTried } from './soak/tried.js'

const test = suite('random pipelines')

function soak(args: readonly string[], whenItSays?: (text: string, child: ChildProcess) => void): Promise<{ code: number | null; said: string }> {
  return new Promise(done => {
    const child = spawn(process.execPath, [join(root, 'scripts/soak.mjs'), ...args], { cwd: root })
    let said = ''
    const hear = (text: string) => {
      said += text
      whenItSays?.(text, child)
    }
    for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', hear)
    child.on('close', code => done({ code, said }))
  })
}

test('after each edit and each interrupt the result is that of a fresh run, and nothing ran that was there already', async () => {
  const { code, said } = await soak(['--seed', '11', '--pipelines', '8'])
  assert.is(code, 0, said)
  assert.match(said, /^8 pipelines from seed 11: \d\d runs, each against an empty store, and before them \d+ interrupted, .*; \d{3} nodes: \d{2,3} ran, \d{2,3} hit, \d+ skipped$/m)
})

test('the same through the command, which is killed', async () => {
  const { code, said } = await soak(['--seed', '5', '--pipelines', '1', '--through', 'command'])
  assert.is(code, 0, said)
  assert.match(said, /^1 pipelines from seed 5: \d+ runs, each against an empty store, and before them [1-9]\d* interrupted/m)
})

test('stopped by Ctrl-C it tells how many held', async () => {
  const { code, said } = await soak(['--seed', '11', '--pipelines', '1000'], (text, child) => { if (text.includes('1000 random pipelines')) child.kill('SIGINT') })
  assert.is(code, 130, said)
  assert.match(said, /^stopped: \d pipelines from seed 11: /m)
})

test('a stage that ran in vain, one that did not run and one that left other bytes are told', async () => {
  const history: History = { made: [], steps: [], shuffleSeed: 0 }
  const says = async (events: readonly object[]) => {
    const driver = { plan: () => Promise.resolve({}), run: () => Promise.resolve(events), close: () => Promise.resolve() } as unknown as Driver
    return checkHistory(history, driver, nothingTried()).then(() => 'nothing', (e: Error) => e.message)
  }
  const finished = (status: string) => ({ type: 'stage-finished', stage: 's0', status, because: [], outputs: {} })
  assert.match(await says([]), /: nodes: {2}instead of s0\n/)
  assert.match(await says([finished('hit')]), /: s0\.out: undefined instead of \{"v":/)
  assert.match(await says([finished('hit')]), /\nnobody ran s0 \(\)\n/)
  assert.match(await says([finished('skipped')]), /: s0 is skipped : true instead of false\n/)
})

test.run()
