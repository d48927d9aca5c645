const durationUnits: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }
const sizeUnits: Readonly<Record<string, number>> = {
  B: 1, kB: 1e3, KB: 1e3, MB: 1e6, GB: 1e9, TB: 1e12, KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30, TiB: 2 ** 40, Ki: 2 ** 10, Mi: 2 ** 20, Gi: 2 ** 30, Ti: 2 ** 40,
  K: 2 ** 10, M: 2 ** 20, G: 2 ** 30, T: 2 ** 40,
}

/** Milliseconds of `90s`, `1.5h` or `1h30m`; a bare number is seconds. Undefined where it cannot be read. */
export function parseDuration(value: unknown): number | undefined {
  if (typeof value === 'number') return Number.isFinite(value) && value >= 0 ? value * 1000 : undefined
  if (typeof value !== 'string' || !/^(?:\d+(?:\.\d+)?\s*(?:ms|s|m|h|d)\s*)+$/.test(value)) return undefined
  let total = 0
  for (const [, amount, unit] of value.matchAll(/(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)/g)) total += Number(amount) * durationUnits[unit!]!
  return total
}

/** Bytes of `4GiB`, `500 MB` or a bare number. `G` is read as `GiB`. Undefined where it cannot be read. */
export function parseSize(value: unknown): number | undefined {
  if (typeof value === 'number') return Number.isFinite(value) && value >= 0 ? Math.ceil(value) : undefined
  const match = typeof value === 'string' ? /^(\d+(?:\.\d+)?)\s*([A-Za-z]+)?$/.exec(value.trim()) : null
  if (!match) return undefined
  const unit = match[2] === undefined ? 1 : sizeUnits[match[2]]
  return unit === undefined ? undefined : Math.ceil(Number(match[1]) * unit)
}
