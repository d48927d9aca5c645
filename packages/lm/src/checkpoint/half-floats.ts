// float16 is 1 sign, 5 exponent and 10 fraction bits; bfloat16 the upper half of a float32. Both conversions to float32 are exact;
// from float32 they round to nearest, ties to even, as numpy and PyTorch do.

let table: Float32Array | undefined

/** The float32 value of each of the 65,536 float16 bit patterns, made on first use. */
function float16Table(): Float32Array {
  if (table) return table
  const bits = new Uint32Array(65536)
  const scratch = new Float32Array(1)
  const scratchBits = new Uint32Array(scratch.buffer)
  for (let half = 0; half < 65536; half++) {
    const sign = (half & 0x8000) << 16
    const exponent = (half >>> 10) & 31
    const fraction = half & 0x3ff
    if (exponent === 31) bits[half] = sign | 0x7f800000 | (fraction << 13)
    else if (exponent > 0) bits[half] = sign | ((exponent + 112) << 23) | (fraction << 13)
    else {
      // A subnormal is fraction × 2^-24, which float32 holds as a normal number.
      scratch[0] = fraction * 2 ** -24
      bits[half] = sign | scratchBits[0]!
    }
  }
  return (table = new Float32Array(bits.buffer))
}

/** float16 bit patterns to float32, exactly. Writes `count` values to `out` from `at` on. */
export function float16ToFloat32(halves: Uint16Array, out: Float32Array, at = 0, count = halves.length): void {
  const values = float16Table()
  for (let i = 0; i < count; i++) out[at + i] = values[halves[i]!]!
}

/** bfloat16 bit patterns to float32, exactly. Writes `count` values to `out` from `at` on. */
export function bfloat16ToFloat32(halves: Uint16Array, out: Float32Array, at = 0, count = halves.length): void {
  const bits = new Uint32Array(out.buffer, out.byteOffset + at * 4, count)
  for (let i = 0; i < count; i++) bits[i] = halves[i]! << 16
}

/** The float16 bit pattern nearest to a float32 given by its bits. NaN stays NaN, beyond 65,504 + half a step is infinite. */
function nearestFloat16(float: number): number {
  const sign = (float >>> 16) & 0x8000
  const magnitude = float & 0x7fffffff
  if (magnitude > 0x7f800000) return sign | 0x7e00 | ((magnitude >>> 13) & 0x3ff)
  if (magnitude >= 0x477ff000) return sign | 0x7c00
  // Below the smallest normal half, 2^-14: the fraction counts steps of 2^-24. Below half a step all is zero.
  const isSubnormal = magnitude < 0x38800000
  if (magnitude < 0x33000000) return sign
  const shift = isSubnormal ? 126 - (magnitude >>> 23) : 13
  const value = isSubnormal ? (magnitude & 0x7fffff) | 0x800000 : magnitude - 0x38000000
  const half = value >>> shift
  const rest = value & ((1 << shift) - 1)
  const middle = 1 << (shift - 1)
  // A carry out of the fraction moves into the exponent, which is what rounding up means there.
  return sign | (rest > middle || (rest === middle && (half & 1) === 1) ? half + 1 : half)
}

/** float32 to float16 bit patterns, round to nearest even. */
export function float32ToFloat16(values: Float32Array): Uint16Array {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length)
  const out = new Uint16Array(values.length)
  for (let i = 0; i < out.length; i++) out[i] = nearestFloat16(bits[i]!)
  return out
}

/** float32 to bfloat16 bit patterns, round to nearest even; NaN stays NaN. */
export function float32ToBfloat16(values: Float32Array): Uint16Array {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length)
  const out = new Uint16Array(values.length)
  for (let i = 0; i < out.length; i++) {
    const float = bits[i]!
    out[i] = (float & 0x7fffffff) > 0x7f800000 ? (float >>> 16) | 0x40 : (float + 0x7fff + ((float >>> 16) & 1)) >>> 16
  }
  return out
}
