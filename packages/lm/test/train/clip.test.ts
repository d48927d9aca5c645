import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { clipScale } from '../../src/train/clip.js'

test('a gradient longer than the limit is cut to it, as torch.nn.utils.clip_grad_norm_ does', () => {
  assert.is(clipScale(4, 1), 1 / (4 + 1e-6))
  assert.is(clipScale(1, 1), 1 / (1 + 1e-6))
  assert.is(clipScale(0.5, 1), 1)
  assert.is(clipScale(0, 1), 1)
})

test('a limit of 0 cuts nothing', () => {
  assert.is(clipScale(1e9, 0), 1)
})

test.run()
