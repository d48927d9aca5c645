import type * as tf from '@tensorflow/tfjs-core'
import { input, traced } from './register.js'

traced<{ shape: number[]; value: number; dtype: tf.DataType }>('Fill', (_, { shape, value, dtype }, backend) =>
  backend.splatTensor(value, shape, dtype ?? 'float32'))
traced('ZerosLike', (inputs, _, backend) => backend.splatTensor(0, input(inputs, 'x').shape, input(inputs, 'x').dtype))
traced('OnesLike', (inputs, _, backend) => backend.splatTensor(1, input(inputs, 'x').shape, input(inputs, 'x').dtype))

traced<{ start: number; stop: number; step: number; dtype: tf.DataType }>('Range', (_, { start, stop, step, dtype }, backend) => {
  const length = Math.max(0, Math.ceil((stop - start) / step))
  const numbers = Float64Array.from({ length }, (_, i) => start + i * step)
  return { dataId: backend.write(numbers as never, [length], dtype), shape: [length], dtype }
})
