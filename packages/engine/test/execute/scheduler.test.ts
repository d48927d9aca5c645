import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { setTimeout as sleep } from 'node:timers/promises'
import { Door, mulberry32, Scheduler, thisMachine, type Machine } from '../../src/execute/scheduler.js'

const never = new AbortController().signal
const GiB = 2 ** 30

test('a machine has the GPUs that CUDA_VISIBLE_DEVICES lists, up to one that CUDA does not know', () => {
  const gpus = (CUDA_VISIBLE_DEVICES: string) => thisMachine({ CUDA_VISIBLE_DEVICES }).gpus
  assert.equal(['0', '1, 3', 'GPU-8932f937-d72c,MIG-GPU-1/2/3', '', '-1', '2,-1,3', 'NoDevFiles'].map(gpus), [1, 2, 2, 0, 0, 1, 0])
})

test('what is handed out never exceeds the machine, in whatever order things come', async () => {
  const seed = Math.floor(Math.random() * 1e6)
  const random = mulberry32(seed)
  const machine = { cpus: 4, memory: 8 * GiB, gpus: 2 }
  const scheduler = new Scheduler({ machine, jobs: 3, seed })
  const used = { cpus: 0, memory: 0, gpus: new Set<number>(), jobs: 0 }
  let most = 0
  await Promise.all(
    Array.from({ length: 200 }, async () => {
      const wish: Machine = { cpus: [0.5, 1, 2, 4, 9][Math.floor(random() * 5)]!, memory: Math.floor(random() * 10) * GiB, gpus: Math.floor(random() * 3) }
      const share = await scheduler.acquire(wish, never)
      const fit = scheduler.fit(wish)
      used.cpus += fit.cpus
      used.memory += fit.memory
      used.jobs++
      for (const gpu of share.gpus) {
        assert.not.ok(used.gpus.has(gpu), `seed ${seed}: GPU ${gpu} twice`)
        used.gpus.add(gpu)
      }
      assert.is(share.gpus.length, wish.gpus)
      assert.ok(used.cpus <= 4 && used.memory <= 8 * GiB && used.jobs <= 3, `seed ${seed}: ${JSON.stringify(used)}`)
      most = Math.max(most, used.jobs)
      await sleep(random() * 3)
      used.cpus -= fit.cpus
      used.memory -= fit.memory
      used.jobs--
      for (const gpu of share.gpus) used.gpus.delete(gpu)
      share.release()
      share.release()
    }),
  )
  assert.ok(most > 1, 'some ran side by side')
})

test('a large stage has its turn, though small ones keep coming', async () => {
  const scheduler = new Scheduler({ machine: { cpus: 2, memory: GiB, gpus: 0 } })
  const small = { cpus: 1, memory: 0, gpus: 0 }
  let done = 0
  let isLargeDone = false
  const one = async () => {
    const share = await scheduler.acquire(small, never)
    await sleep(1)
    share.release()
    done++
  }
  const stream = Promise.all([0, 1].map(async () => { while (!isLargeDone && done < 500) await Promise.all([one(), one()]) }))
  await sleep(5)
  const before = done
  const large = await scheduler.acquire({ cpus: 2, memory: 0, gpus: 0 }, never)
  isLargeDone = true
  large.release()
  await stream
  assert.ok(done - before < 60, `${done - before} small ones went first`)
})

test('a smaller one goes before a large one that does not fit yet', async () => {
  const scheduler = new Scheduler({ machine: { cpus: 2, memory: GiB, gpus: 0 } })
  const first = await scheduler.acquire({ cpus: 1, memory: 0, gpus: 0 }, never)
  const order: string[] = []
  const large = scheduler.acquire({ cpus: 2, memory: 0, gpus: 0 }, never).then(share => (order.push('large'), share))
  const small = await scheduler.acquire({ cpus: 1, memory: 0, gpus: 0 }, never).then(share => (order.push('small'), share))
  small.release()
  first.release()
  ;(await large).release()
  assert.equal(order, ['small', 'large'])
})

test('who waits can be called off, and more GPUs than there are can never run', async () => {
  const scheduler = new Scheduler({ machine: { cpus: 1, memory: GiB, gpus: 1 } })
  const share = await scheduler.acquire({ cpus: 1, memory: 0, gpus: 0 }, never)
  const abort = new AbortController()
  const waiting = scheduler.acquire({ cpus: 1, memory: 0, gpus: 0 }, abort.signal)
  abort.abort(new Error('called off'))
  try {
    await waiting
    assert.unreachable()
  } catch (error) {
    assert.is((error as Error).message, 'called off')
  }
  share.release()
  ;(await scheduler.acquire({ cpus: 64, memory: 64 * GiB, gpus: 0 }, never)).release()
  assert.equal([scheduler.canEverRun({ cpus: 9, memory: 0, gpus: 1 }), scheduler.canEverRun({ cpus: 1, memory: 0, gpus: 2 })], [true, false])
})

test('a hundred thousand that wait are served in time that grows with their number, and each once', async () => {
  const scheduler = new Scheduler({ machine: { cpus: 2, memory: GiB, gpus: 0 } })
  let served = 0
  const started = process.cpuUsage()
  await Promise.all(
    Array.from({ length: 100_000 }, async (_, i) => {
      const share = await scheduler.acquire({ cpus: 1 + (i % 2), memory: 0, gpus: 0 }, never)
      served++
      share.release()
    }),
  )
  assert.is(served, 100_000)
  // By walking all that wait each time it would be minutes.
  assert.ok(process.cpuUsage(started).user < 10e6, `${process.cpuUsage(started).user / 1e6} s`)
})

test('no more than there are places are inside of a door, also after one failed', async () => {
  const door = new Door(3)
  let [inside, most, done] = [0, 0, 0]
  await Promise.all(
    Array.from({ length: 50 }, (_, i) =>
      door
        .pass(async () => {
          most = Math.max(most, ++inside)
          await sleep(1)
          inside--
          if (i % 7 === 0) throw new Error('no')
        })
        .catch(() => {})
        .then(() => done++),
    ),
  )
  assert.equal([most, inside, done], [3, 0, 50])
})

test.run()
