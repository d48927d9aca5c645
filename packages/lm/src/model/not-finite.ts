/** A model computes what is no finite number, so that nothing it says means anything: `what` tells what it gives. */
export class NotFinite extends Error {
  override readonly name = 'NotFinite'

  constructor(what: string) {
    super(`The model gives ${what}: its weights are damaged, or overflow float32`)
  }
}

/** Throws NotFinite where any of a model's logits or log-probabilities is not finite. Their sum tells: in float64 finite float32 cannot overflow it. */
export function checkFinite(values: Float32Array): void {
  let sum = 0
  for (let i = 0; i < values.length; i++) sum += values[i]!
  if (!Number.isFinite(sum)) throw new NotFinite(String(sum))
}
