const mayHold = /(?<![\d.])\d{16}|\d[eE]\+?\d{3}/

/** A number of a JSON text that is not kept as it is written there: the first that is too large for one, else the first with more digits than one has. What stands in strings is none. */
export function changedNumber(json: string): { readonly written: string; readonly kept: number } | undefined {
  if (!mayHold.test(json)) return undefined
  const numbers = json.replaceAll(/"(?:[^"\\]|\\.)*"/g, '""').match(/-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g) ?? []
  const changed = numbers.map(written => ({ written, kept: Number(written) })).filter(({ written, kept }) => !Number.isFinite(kept) || (/^-?\d+$/.test(written) && BigInt(written) !== BigInt(kept)))
  return changed.find(({ kept }) => !Number.isFinite(kept)) ?? changed[0]
}
