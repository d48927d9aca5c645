import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { GraphNode } from '../../src/graph/graph.js'
import type { BoundNode } from '../../src/plan/types.js'
import { OutsideData } from '../../src/plan/outside-data.js'

const bound: BoundNode = { params: {}, template: {}, env: {}, envTemplate: {} }
const silent = { id: 'a', stage: { definition: { id: 'test/silent', version: 1, probe: () => new Promise(() => {}) } } } as unknown as GraphNode

test('a probe that never answers is left after its time, after an interrupt, and where the interrupt came before it', async () => {
  const [after, before, within] = [AbortSignal.timeout(100), AbortSignal.abort(new Error('interrupted')), new AbortController().signal]
  const because: string[] = []
  for (const signal of [after, before, within]) {
    const outside = new OutsideData(mkdtempSync(join(tmpdir(), 'hone-probe-')), { signal, redact: text => text, nowMs: Date.now, timeoutMs: signal === within ? 20 : 60_000 })
    const state = await Promise.race([outside.at(silent, bound), sleep(3000)])
    because.push(state?.type === 'unknown' ? state.because : 'it waits')
  }
  assert.equal(because.map(text => /\((.*)\)/.exec(text)?.[1] ?? text), ['The operation was aborted due to timeout', 'interrupted', 'no answer within 0.02 seconds'])
})

test.run()
