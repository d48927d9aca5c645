/** `420 ms`, `1.4 s`, `3 min 05 s`, `2 h 10 min`. */
export function duration(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`
  if (ms < 60_000) return `${(ms / 1000).toFixed(1)} s`
  const minutes = Math.floor(ms / 60_000)
  if (minutes < 60) return `${minutes} min ${String(Math.floor((ms % 60_000) / 1000)).padStart(2, '0')} s`
  return `${Math.floor(minutes / 60)} h ${String(minutes % 60).padStart(2, '0')} min`
}

/** Binary units, as `du -h` counts them: `1.5 MiB`. */
export function size(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB']
  let value = bytes
  let unit = 0
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024
    unit++
  }
  return `${unit === 0 ? value : value.toFixed(value < 10 ? 1 : 0)} ${units[unit]}`
}

/** A metric's value: whole numbers as they are, others with four significant digits. */
export const number = (value: number): string => (Number.isInteger(value) ? String(value) : Number(value.toPrecision(4)).toString())

/** A time that is an estimate, or goes on: `8 s`, `3 min 05 s`, `12 min`, `2 h 10 min`. */
export function roughly(ms: number): string {
  const seconds = Math.round(ms / 1000)
  if (seconds < 60) return `${seconds} s`
  const minutes = Math.floor(seconds / 60)
  if (minutes < 10) return `${minutes} min ${String(seconds % 60).padStart(2, '0')} s`
  if (minutes < 60) return `${minutes} min`
  return `${Math.floor(minutes / 60)} h ${String(minutes % 60).padStart(2, '0')} min`
}

/** How much is done of how much: `313/690 steps`, `48211 rows`, and bytes as sizes. */
export const amount = (done: number, total: number | undefined, unit: string): string =>
  unit === 'bytes' ? `${size(done)}${total === undefined ? '' : `/${size(total)}`}` : `${number(done)}${total === undefined ? '' : `/${number(total)}`} ${unit}`

/** `9.3/s`, `30 MiB/s`, and of what takes long `12 s each`. */
export const rate = (perSecond: number, unit: string): string =>
  unit === 'bytes' ? `${size(Math.round(perSecond))}/s` : perSecond < 0.1 ? `${roughly(1000 / perSecond)} each` : `${number(Number(perSecond.toPrecision(2)))}/s`

const bars = '▁▂▃▄▅▆▇█'

/** A curve in `width` characters, scaled between its own least and greatest value; points that share a column are averaged. */
export function sparkline(values: readonly number[], width: number): string {
  const finite = values.filter(Number.isFinite)
  if (finite.length === 0 || width < 1) return ''
  const columns = Math.min(width, finite.length)
  const means = Array.from({ length: columns }, (_, c) => {
    const part = finite.slice(Math.floor((c * finite.length) / columns), Math.floor(((c + 1) * finite.length) / columns))
    return part.reduce((a, b) => a + b, 0) / part.length
  })
  const low = Math.min(...means)
  const span = Math.max(...means) - low
  return means.map(v => bars[span === 0 ? 0 : Math.round(((v - low) / span) * (bars.length - 1))]).join('')
}

/** `━━━━━╌╌╌` for a part between 0 and 1. */
export function bar(part: number, width: number): string {
  const filled = Math.round(Math.max(0, Math.min(1, part)) * width)
  return '━'.repeat(filled) + '╌'.repeat(width - filled)
}
