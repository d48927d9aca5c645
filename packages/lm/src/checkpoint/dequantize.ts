import { bfloat16ToFloat32, float16ToFloat32 } from './half-floats.js'

/** GGML's types: their number in a file, and how many bytes hold how many elements. */
export const ggmlTypes = {
  F32: { code: 0, elements: 1, bytes: 4 },
  F16: { code: 1, elements: 1, bytes: 2 },
  Q4_0: { code: 2, elements: 32, bytes: 18 },
  Q4_1: { code: 3, elements: 32, bytes: 20 },
  Q5_0: { code: 6, elements: 32, bytes: 22 },
  Q5_1: { code: 7, elements: 32, bytes: 24 },
  Q8_0: { code: 8, elements: 32, bytes: 34 },
  Q4_K: { code: 12, elements: 256, bytes: 144 },
  Q5_K: { code: 13, elements: 256, bytes: 176 },
  Q6_K: { code: 14, elements: 256, bytes: 210 },
  BF16: { code: 30, elements: 1, bytes: 2 },
} as const
export type GgmlType = keyof typeof ggmlTypes

const one = new Float32Array(1)
const oneBits = new Uint16Array(1)

/** The float16 at a byte. */
function half(bytes: Uint8Array, at: number): number {
  oneBits[0] = bytes[at]! | (bytes[at + 1]! << 8)
  float16ToFloat32(oneBits, one)
  return one[0]!
}

const signed = (byte: number) => (byte << 24) >> 24

/** The 6-bit scale and minimum of part `j` of a super-block, out of the 12 bytes that hold eight of each. */
function scaleAndMinimum(bytes: Uint8Array, at: number, j: number): [scale: number, minimum: number] {
  if (j < 4) return [bytes[at + j]! & 63, bytes[at + j + 4]! & 63]
  const low = bytes[at + j + 4]!
  return [(low & 15) | ((bytes[at + j - 4]! >> 6) << 4), (low >> 4) | ((bytes[at + j]! >> 6) << 4)]
}

/**
 * Dequantizes whole blocks to float32, writing to `out` from `to` on. The layouts are those of ggml-quants.c. All products are
 * exact in float32, so the values are those of any other implementation, bit by bit.
 */
export function dequantize(type: GgmlType, bytes: Uint8Array, out: Float32Array, to = 0): void {
  const { elements, bytes: blockBytes } = ggmlTypes[type]
  const blocks = bytes.length / blockBytes
  switch (type) {
    case 'F32': {
      new Uint8Array(out.buffer, out.byteOffset + to * 4, bytes.length).set(bytes)
      return
    }
    case 'F16': case 'BF16': {
      const halves = new Uint16Array(bytes.length / 2)
      new Uint8Array(halves.buffer).set(bytes)
      ;(type === 'F16' ? float16ToFloat32 : bfloat16ToFloat32)(halves, out, to)
      return
    }
    case 'Q4_0': case 'Q4_1': case 'Q5_0': case 'Q5_1': {
      const hasMinimum = type === 'Q4_1' || type === 'Q5_1'
      const hasFifthBit = type === 'Q5_0' || type === 'Q5_1'
      for (let b = 0; b < blocks; b++) {
        const at = b * blockBytes
        const scale = half(bytes, at)
        const minimum = hasMinimum ? half(bytes, at + 2) : scale * (hasFifthBit ? -16 : -8)
        const fifth = at + (hasMinimum ? 4 : 2)
        const high = hasFifthBit ? bytes[fifth]! | (bytes[fifth + 1]! << 8) | (bytes[fifth + 2]! << 16) | (bytes[fifth + 3]! << 24) : 0
        const nibbles = fifth + (hasFifthBit ? 4 : 0)
        const o = to + b * 32
        for (let j = 0; j < 16; j++) {
          const byte = bytes[nibbles + j]!
          out[o + j] = ((byte & 15) | (((high >>> j) & 1) << 4)) * scale + minimum
          out[o + j + 16] = ((byte >> 4) | (((high >>> (j + 16)) & 1) << 4)) * scale + minimum
        }
      }
      return
    }
    case 'Q8_0': {
      for (let b = 0; b < blocks; b++) {
        const at = b * blockBytes
        const scale = half(bytes, at)
        for (let j = 0; j < 32; j++) out[to + b * 32 + j] = signed(bytes[at + 2 + j]!) * scale
      }
      return
    }
    case 'Q4_K': case 'Q5_K': {
      const hasFifthBit = type === 'Q5_K'
      for (let b = 0; b < blocks; b++) {
        const at = b * blockBytes
        const [scale, minimum] = [half(bytes, at), half(bytes, at + 2)]
        const high = at + 16
        const nibbles = at + (hasFifthBit ? 48 : 16)
        for (let j = 0; j < 8; j++) {
          const [s, m] = scaleAndMinimum(bytes, at + 4, j)
          const [d, low] = [scale * s, minimum * m]
          const o = to + b * elements + j * 32
          for (let l = 0; l < 32; l++) {
            const byte = bytes[nibbles + (j >> 1) * 32 + l]!
            const q = (j & 1 ? byte >> 4 : byte & 15) | (hasFifthBit ? ((bytes[high + l]! >> j) & 1) << 4 : 0)
            out[o + l] = d * q - low
          }
        }
      }
      return
    }
    case 'Q6_K': {
      for (let b = 0; b < blocks; b++) {
        const at = b * blockBytes
        const d = half(bytes, at + 208)
        for (let n = 0; n < 2; n++) {
          const [low, high, scales, o] = [at + n * 64, at + 128 + n * 32, at + 192 + n * 8, to + b * elements + n * 128]
          for (let l = 0; l < 32; l++) {
            const bits = bytes[high + l]!
            for (let part = 0; part < 4; part++) {
              const byte = bytes[low + l + (part & 1) * 32]!
              const q = ((part < 2 ? byte & 15 : byte >> 4) | (((bits >> (part * 2)) & 3) << 4)) - 32
              out[o + part * 32 + l] = d * signed(bytes[scales + part * 2 + (l >> 4)]!) * q
            }
          }
        }
      }
      return
    }
    default: throw new Error(`Internal: no layout of ${type satisfies never}`)
  }
}
