import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { philox, uniform } from '../../src/random/philox.js'

test('philox gives the known answers that Random123 ships with', () => {
  const hex = (words: number[]) => words.map(w => w.toString(16).padStart(8, '0')).join(' ')
  assert.is(hex(philox([0, 0, 0, 0], [0, 0])), '6627e8d5 e169c58d bc57ac4c 9b00dbd8')
  const ones = 0xffffffff
  assert.is(hex(philox([ones, ones, ones, ones], [ones, ones])), '408f276d 41c83b0e a20bc7c6 6d5451fd')
  assert.is(hex(philox([0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344], [0xa4093822, 0x299f31d0])), 'd16cfe09 94fdcceb 5001e420 24126ea1')
})

test('uniform numbers are even in [0, 1) and another seed, stream or index gives another one', () => {
  let sum = 0
  for (let i = 0; i < 10_000; i++) {
    const u = uniform(7, 0, i)
    assert.ok(u >= 0 && u < 1)
    sum += u
  }
  // The mean of 10,000 has a standard error of 0.0029.
  assert.ok(Math.abs(sum / 10_000 - 0.5) < 0.0116)
  assert.is(new Set([uniform(1, 0, 0), uniform(0, 1, 0), uniform(0, 0, 1), uniform(2 ** 40, 0, 0), uniform(0, 2 ** 40, 0)]).size, 5)
})

test.run()
