import { readFileSync } from 'node:fs'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { learningRateAt, warmupFromRatio, type ScheduleName } from '../../src/train/schedule.js'

const golden = JSON.parse(readFileSync(new URL('../../../../tests/golden/schedules.json', import.meta.url), 'utf8')) as {
  learningRate: number
  cases: { schedule: ScheduleName; warmupSteps: number; steps: number; rates: number[] }[]
}

for (const { schedule, warmupSteps, steps, rates } of golden.cases) {
  test(`${schedule} with ${warmupSteps} of ${steps} steps as warm-up equals transformers' get_scheduler`, () => {
    rates.forEach((rate, step) => {
      const ours = learningRateAt(step, { schedule, learningRate: golden.learningRate, warmupSteps, steps })
      assert.ok(Math.abs(ours - rate) < 1e-15, `step ${step}: ${ours}, transformers has ${rate}`)
    })
  })
}

test('a share of warm-up is rounded up', () => {
  assert.equal([warmupFromRatio(0, 100), warmupFromRatio(0.03, 100), warmupFromRatio(0.03, 101), warmupFromRatio(1, 7)], [0, 3, 4, 7])
})

test.run()
