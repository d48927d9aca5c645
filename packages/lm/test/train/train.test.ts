import { mkdir, mkdtemp, readFile, readdir, rm, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { Diverged, Interrupted } from '../../src/train/train-error.js'
import { train, type TrainOptions, type TrainResult, type TrainSettings } from '../../src/train/train.js'
import { bigram, countingRows } from './bigram.js'

const settings: TrainSettings = {
  seed: 3, epochs: 2, batchSize: 4, accumulationSteps: 1, pack: false, maxLength: 24,
  learningRate: 0.05, schedule: 'cosine', warmup: { ratio: 0.1 }, maxGradientNorm: 1, adamw: { weightDecay: 0.01 },
}
const rows = countingRows(40)
const run = (changes: Partial<TrainSettings> = {}, more: Partial<TrainOptions> = {}) =>
  train({ model: bigram(), rows, settings: { ...settings, ...changes }, ...more })
const bytes = (result: TrainResult) => result.parameters.map(p => [p.name, Buffer.from(p.value.slice().buffer).toString('hex')])
const values = (result: TrainResult) => result.parameters.flatMap(p => [...p.value])
const near = (a: readonly number[], b: readonly number[], tolerance: number) =>
  a.length === b.length && a.every((x, i) => Math.abs(x - b[i]!) <= tolerance)

async function inFolder(body: (dir: string) => Promise<void>): Promise<void> {
  const dir = await mkdtemp(join(tmpdir(), 'hone-train-'))
  try {
    await body(dir)
  } finally {
    await rm(dir, { recursive: true, force: true })
  }
}
async function rejected<E>(promise: Promise<unknown>, type: new (...args: never[]) => E): Promise<E> {
  const error = await promise.then(() => undefined, e => e as unknown)
  assert.instance(error, type)
  return error as E
}

test('the loss falls and the history has a record a step', async () => {
  const result = await run({ epochs: 6 })
  assert.is(result.steps, 60)
  assert.equal(result.history.steps.map(s => s.step), Array.from({ length: 60 }, (_, i) => i + 1))
  assert.ok(result.history.steps.at(-1)!.loss < 0.5 * result.history.steps[0]!.loss)
  assert.is(result.tokens, 6 * rows.ids.length)
  assert.is(result.supervisedTokens, 6 * rows.mask.reduce((a, b) => a + b, 0))
})

test('a step on a batch is the same however the batch is split, and packed or not', async () => {
  const whole = await run({ batchSize: 8, epochs: 3 })
  for (const changes of [{ batchSize: 4, accumulationSteps: 2 }, { batchSize: 2, accumulationSteps: 4 }, { batchSize: 1, accumulationSteps: 8 }]) {
    const split = await run({ ...changes, epochs: 3 })
    assert.equal(split.history.steps.map(s => s.supervisedTokens), whole.history.steps.map(s => s.supervisedTokens))
    assert.ok(near(split.history.steps.map(s => s.loss), whole.history.steps.map(s => s.loss), 1e-5))
    assert.ok(near(split.history.steps.map(s => s.gradientNorm), whole.history.steps.map(s => s.gradientNorm), 1e-5))
    assert.ok(near(values(split), values(whole), 1e-4))
  }
  const all = { batchSize: 40, epochs: 10 }
  assert.ok(near(values(await run({ ...all, pack: true })), values(await run(all)), 1e-4))
})

test('another seed takes the rows in another order', async () => {
  const [a, b] = [await run(), await run({ seed: 4 })]
  assert.not.equal(a.history.steps.map(s => s.loss), b.history.steps.map(s => s.loss))
})

test('a run that is interrupted after any step and resumed ends with the bytes of an undisturbed one', async () => {
  for (const changes of [{}, { batchSize: 1, accumulationSteps: 2, pack: true, evaluateEvery: 2 }]) {
    const validation = countingRows(7)
    const sample: TrainOptions['sample'] = async (step, p) => [{ step, prompt: 'p', reference: 'r', prediction: String(p[0]!.value[0]) }]
    const whole = await run(changes, { validation, sample })
    for (const stop of [1, 2, 5, whole.steps - 1]) {
      await inFolder(async dir => {
        const abort = new AbortController()
        const checkpoints = { dir, identity: 'a' }
        const error = await rejected(run(changes, { validation, sample, checkpoints, signal: abort.signal, onStep: s => s.step === stop && abort.abort() }), Interrupted)
        assert.is(error.step, stop)
        const resumed = await run(changes, { validation, sample, checkpoints })
        assert.is(resumed.resumedAt, stop)
        assert.equal(bytes(resumed), bytes(whole))
        assert.equal(resumed.history, whole.history)
      })
    }
  }
})

test('a run that was killed between two checkpoints goes on from the last and ends with the same bytes', async () => {
  await inFolder(async dir => {
    const whole = await run()
    const checkpoints = { dir, identity: 'a' }
    await rejected(run({ saveEvery: 3 }, { checkpoints, onStep: s => { if (s.step === 8) throw new RangeError('killed') } }), RangeError)
    assert.equal((await readdir(dir)).sort(), ['step-000000003', 'step-000000006'])
    const resumed = await run({ saveEvery: 3 }, { checkpoints })
    assert.is(resumed.resumedAt, 6)
    assert.equal(bytes(resumed), bytes(whole))
    assert.equal(resumed.history, whole.history)
  })
})

test('two checkpoints are kept, and nothing half-written', async () => {
  await inFolder(async dir => {
    await mkdir(join(dir, 'step-000000007.tmp'), { recursive: true })
    await writeFile(join(dir, 'step-000000007.tmp', 'parameters.bin'), 'half')
    assert.is((await run({ saveEvery: 1 }, { checkpoints: { dir, identity: 'a' } })).resumedAt, 0)
    assert.equal((await readdir(dir)).sort(), ['step-000000018', 'step-000000019'])
  })
})

test('without a number of steps checkpoints go by the clock', async () => {
  await inFolder(async dir => {
    let ms = 0
    const saved: number[] = []
    await run({}, { checkpoints: { dir, identity: 'a' }, now: () => ms, onStep: () => { ms += 4000 }, onCheckpoint: step => saved.push(step) })
    assert.equal(saved, [3, 6, 9, 12, 15, 18])
  })
})

test('a checkpoint of another configuration is passed over with a message', async () => {
  await inFolder(async dir => {
    await run({ saveEvery: 5 }, { checkpoints: { dir, identity: 'a' } })
    const messages: string[] = []
    const other = await run({ saveEvery: 5 }, { checkpoints: { dir, identity: 'b' }, onMessage: m => messages.push(m) })
    assert.is(other.resumedAt, 0)
    assert.equal(messages, [15, 10].map(n => `The checkpoint of step ${n} is not used: it belongs to other data or another configuration`))
  })
})

test('a damaged checkpoint is passed over for the one before it', async () => {
  await inFolder(async dir => {
    const checkpoints = { dir, identity: 'a' }
    const whole = await run({ saveEvery: 5 }, { checkpoints })
    await truncate(join(dir, 'step-000000015', 'parameters.bin'), 100)
    const messages: string[] = []
    const resumed = await run({ saveEvery: 5 }, { checkpoints, onMessage: m => messages.push(m) })
    assert.is(resumed.resumedAt, 10)
    assert.equal(messages, ['The checkpoint of step 15 is not used: parameters.bin is missing or cut short'])
    assert.equal(bytes(resumed), bytes(whole))
    await writeFile(join(dir, 'step-000000015', 'state.json'), '{"format":')
    assert.is((await run({ saveEvery: 100 }, { checkpoints })).resumedAt, 10)
  })
})

test('evaluation comes before the first step, at the end of each epoch and at the end', async () => {
  const validation = countingRows(9)
  const by = async (changes: Partial<TrainSettings>) => (await run(changes, { validation })).history.evaluations.map(e => e.step)
  assert.equal(await by({}), [0, 10, 20])
  assert.equal(await by({ epochs: 1.5 }), [0, 10, 15])
  assert.equal(await by({ evaluateEvery: 8 }), [0, 8, 16, 20])
  const result = await run({}, { validation })
  assert.is(result.evaluation!.perplexity, Math.exp(result.evaluation!.loss))
  assert.ok(result.evaluation!.loss < result.history.evaluations[0]!.loss)
})

test('the loss of an evaluation is that of all held-out tokens, whatever the batches', async () => {
  const validation = countingRows(9)
  const losses: number[] = []
  for (const changes of [{ batchSize: 2 }, { batchSize: 9 }, { batchSize: 3, pack: true }]) losses.push((await run({ ...changes, maxSteps: 1 }, { validation })).history.evaluations[0]!.loss)
  assert.ok(near(losses, losses.map(() => losses[0]!), 1e-6))
})

test('a run that diverges stops, says so, and names the last good checkpoint', async () => {
  await inFolder(async dir => {
    const wild = { learningRate: 300, epochs: 50, warmup: { steps: 30 }, maxGradientNorm: 0, saveEvery: 1 }
    const error = await rejected(run(wild, { checkpoints: { dir, identity: 'a' } }), Diverged)
    const [, start] = /^Training diverged at step \d+: the loss was [\d.]+ over the last 20 steps, at the start ([\d.]+)$/.exec(error.message) ?? []
    const kept = JSON.parse(await readFile(join(error.checkpoint!, 'state.json'), 'utf8')) as { step: number; history: { steps: { loss: number }[] } }
    assert.ok(kept.step < error.step)
    assert.ok(kept.history.steps.at(-1)!.loss < Number(start) + 2.01, `the kept one has a loss of ${kept.history.steps.at(-1)!.loss}`)
  })
})

test('a run too short for the window is judged at its end', async () => {
  const wild = { learningRate: 300, maxSteps: 8, warmup: { steps: 0 }, maxGradientNorm: 0 }
  const error = await rejected(run(wild), Diverged)
  assert.match(error.message, /^Training diverged at step 8: the loss was [\d.]+ over the last 4 steps/)
})

test('a loss or a gradient that is not finite stops the run before it touches the parameters', async () => {
  for (const what of ['loss', 'grad:head.bias']) {
    const model = bigram()
    let steps = 0
    const error = await rejected(train({
      model: {
        ...model,
        async compileTrain(shape) {
          const executable = await model.compileTrain(shape)
          return { ...executable, run: async (feeds, into) => {
            const outputs = await executable.run(feeds, into)
            if (++steps === 4) outputs[what]![0] = NaN
            return outputs
          } }
        },
      },
      rows, settings,
    }), Diverged)
    assert.is(error.step, 4)
    assert.match(error.message, what === 'loss' ? /the loss is NaN/ : /the gradient is not finite/)
  }
})

test('what is not finite before the first update is told of the model, and of the training after it', async () => {
  const validation = countingRows(3)
  const failing = async (program: 'compileTrain' | 'compileEvaluate', from: number, what: string) => {
    const model = bigram()
    let runs = 0
    const ran = train({
      model: {
        ...model,
        async [program](shape: Parameters<typeof model.compileTrain>[0]) {
          const executable = await model[program](shape)
          return { ...executable, run: async (feeds: Parameters<typeof executable.run>[0], into: Parameters<typeof executable.run>[1]) => {
            const outputs = await executable.run(feeds, into)
            if (++runs >= from) outputs[what]![0] = NaN
            return outputs
          } }
        },
      },
      rows, validation, settings,
    })
    return ran.then(() => 'ended', (e: Error) => `${e.name}: ${e.message}`)
  }
  const why = 'its weights are damaged, or overflow float32'
  assert.is(await failing('compileEvaluate', 1, 'loss'), `NotFinite: The model gives a loss of NaN before the first update: ${why}`)
  assert.is(await failing('compileTrain', 1, 'loss'), `NotFinite: The model gives a loss of NaN before the first update: ${why}`)
  assert.is(await failing('compileTrain', 1, 'grad:head.bias'), `NotFinite: The model gives a gradient that is not finite before the first update: ${why}`)
  assert.is(await failing('compileTrain', 2, 'loss'), 'Diverged: Training diverged at step 2: the loss is NaN')
  assert.is(await failing('compileEvaluate', 2, 'loss'), 'Diverged: Training diverged at step 10: the loss of the held-out rows is NaN')
})

test('rows of unlike lengths compile few shapes, each once', async () => {
  const model = bigram()
  await train({ model, rows, settings: { ...settings, epochs: 3 } })
  assert.ok(model.compiled.length <= 4)
  assert.is(new Set(model.compiled.map(s => JSON.stringify(s))).size, model.compiled.length)
})

test('weight decay falls on the table and not on the bias', async () => {
  const [none, some] = [await run({ adamw: { weightDecay: 0 } }), await run({ adamw: { weightDecay: 0.5 } })]
  const size = (r: TrainResult, i: number) => Math.hypot(...r.parameters[i]!.value)
  assert.ok(size(some, 0) < 0.9 * size(none, 0))
})

test.run()
