const M0 = 0xd2511f53
const M1 = 0xcd9e8d57
const W0 = 0x9e3779b9
const W1 = 0xbb67ae85

const multiplyHigh = (a: number, b: number) => {
  const al = a & 0xffff
  const ah = a >>> 16
  const bl = b & 0xffff
  const bh = b >>> 16
  const low = al * bl
  const mid = ah * bl + (low >>> 16)
  const mid2 = al * bh + (mid & 0xffff)
  return (ah * bh + Math.floor(mid / 0x10000) + Math.floor(mid2 / 0x10000)) >>> 0
}

/**
 * Four random 32-bit words as a pure function of counter and key: Philox4x32-10 (Salmon et al., "Parallel random numbers: as
 * easy as 1, 2, 3", SC 2011). No state, so that what a row draws does not depend on the rows before it.
 */
export function philox(counter: readonly [number, number, number, number], key: readonly [number, number]): [number, number, number, number] {
  let [c0, c1, c2, c3] = counter
  let [k0, k1] = key
  for (let round = 0; round < 10; round++) {
    const high0 = multiplyHigh(M0, c0)
    const low0 = Math.imul(M0, c0) >>> 0
    const high1 = multiplyHigh(M1, c2)
    const low1 = Math.imul(M1, c2) >>> 0
    const n0 = (high1 ^ c1 ^ k0) >>> 0
    const n2 = (high0 ^ c3 ^ k1) >>> 0
    c0 = n0
    c1 = low1
    c2 = n2
    c3 = low0
    k0 = (k0 + W0) >>> 0
    k1 = (k1 + W1) >>> 0
  }
  return [c0 >>> 0, c1 >>> 0, c2 >>> 0, c3 >>> 0]
}

/** A number in [0, 1) with 53 random bits: f(seed, stream, index), for example row and step. All are non-negative integers. */
export function uniform(seed: number, stream: number, index: number): number {
  const high = (n: number) => Math.floor(n / 0x100000000) >>> 0
  const [a, b] = philox([index >>> 0, high(index), stream >>> 0, high(stream)], [seed >>> 0, high(seed)])
  return ((a >>> 5) * 67108864 + (b >>> 6)) / 9007199254740992
}
