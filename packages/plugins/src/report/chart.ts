import { scaleBand, scaleLinear, scaleLog } from 'd3-scale'
import { line } from 'd3-shape'
import { escapeHtml } from './html.js'
import { formatNumber } from './page.js'

export type Point = readonly [x: number, y: number]

export interface LineChartOptions {
  readonly title: string
  /** Points in the order of x. Those that are not finite are left out and break the line. */
  readonly series: readonly { readonly name: string; readonly points: readonly Point[]; readonly dots?: boolean }[]
  readonly xLabel: string
  readonly yLabel: string
  readonly yScale?: 'linear' | 'log'
}

export interface BarChartOptions {
  readonly title: string
  /** One group of bars each, along the horizontal axis. */
  readonly groups: readonly string[]
  /** One bar a group; `undefined` leaves it out. `low` and `high` draw an interval. */
  readonly series: readonly { readonly name: string; readonly values: readonly (number | undefined)[]; readonly low?: readonly (number | undefined)[]; readonly high?: readonly (number | undefined)[] }[]
  readonly yLabel: string
  /** Bars of a group on top of one another, so that the whole can be read. */
  readonly stacked?: boolean
  /** The end of the vertical axis; by default what the values need. */
  readonly yMax?: number
}

const width = 860
/** Room for the axis title beside ticks of eight characters: 1.234e-5. */
const left = 88
const right = 20
const colours = 8
const round = (n: number) => Math.round(n * 100) / 100
const colour = (i: number) => `var(--s${i % colours})`

/** Where the legend's entries stand, wrapped into rows by an estimate of their width, and how high that is. */
function legend(names: readonly string[]): { svg: string; height: number } {
  if (names.length < 2) return { svg: '', height: 0 }
  let x = left
  let y = 44
  const parts = names.map((name, i) => {
    const space = 30 + name.length * 7.2
    if (x + space > width - right && x > left) {
      x = left
      y += 20
    }
    const part = `<rect x="${x}" y="${y - 10}" width="12" height="12" rx="2" fill="${colour(i)}"/><text x="${x + 18}" y="${y}">${escapeHtml(name)}</text>`
    x = round(x + space)
    return part
  })
  return { svg: parts.join(''), height: y - 24 }
}

const frame = (title: string, height: number, body: string) =>
  `<svg class="chart" xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" role="img" aria-label="${escapeHtml(title)}" font-family="system-ui, sans-serif" font-size="13" fill="currentColor">` +
  `<text x="${left}" y="20" font-size="15" font-weight="600">${escapeHtml(title)}</text>${body}</svg>`

const yAxis = (ticks: readonly number[], y: (v: number) => number, label: string, top: number, bottom: number) =>
  ticks
    .map(t => `<line x1="${left}" x2="${width - right}" y1="${round(y(t))}" y2="${round(y(t))}" stroke="currentColor" stroke-opacity=".13"/><text x="${left - 8}" y="${round(y(t) + 4)}" text-anchor="end" fill-opacity=".7">${formatNumber(t)}</text>`)
    .join('') + `<text transform="translate(14 ${round((top + bottom) / 2)}) rotate(-90)" text-anchor="middle" fill-opacity=".7">${escapeHtml(label)}</text>`

/** Lines over a numeric axis as an SVG string: a loss curve. Colours follow the page's light or dark variables. */
export function lineChart({ title, series, xLabel, yLabel, yScale = 'linear' }: LineChartOptions): string {
  const key = legend(series.map(s => s.name))
  const top = 40 + key.height
  const bottom = top + 260
  const usable = (p: Point) => Number.isFinite(p[0]) && Number.isFinite(p[1]) && (yScale === 'linear' || p[1] > 0)
  const points = series.flatMap(s => s.points.filter(usable))
  const xs = points.map(p => p[0])
  const ys = points.map(p => p[1])
  const extent = (values: number[]): [number, number] => {
    let low = Infinity
    let high = -Infinity
    for (const v of values) {
      if (v < low) low = v
      if (v > high) high = v
    }
    return low === Infinity ? [yScale === 'log' ? 0.1 : 0, 1] : low === high ? (yScale === 'log' ? [low / 2, high * 2] : [low - 0.5, high + 0.5]) : [low, high]
  }
  const x = scaleLinear().domain(extent(xs)).range([left, width - right])
  const y = (yScale === 'log' ? scaleLog() : scaleLinear()).domain(extent(ys)).nice().range([bottom, top])
  const path = line<Point>(p => round(x(p[0])), p => round(y(p[1]))).defined(usable)
  const lines = series
    .map((s, i) => {
      const stroke = `<path d="${path(thin(s.points)) ?? ''}" fill="none" stroke="${colour(i)}" stroke-width="2" stroke-linejoin="round"/>`
      const dotted = s.dots ?? s.points.length <= 40
      const dots = dotted ? s.points.filter(usable).map(p => `<circle cx="${round(x(p[0]))}" cy="${round(y(p[1]))}" r="3" fill="${colour(i)}"><title>${escapeHtml(`${s.name}: ${formatNumber(p[0])}, ${formatNumber(p[1])}`)}</title></circle>`).join('') : ''
      return stroke + dots
    })
    .join('')
  const xAxis = x.ticks(8).map(t => `<text x="${round(x(t))}" y="${bottom + 20}" text-anchor="middle" fill-opacity=".7">${formatNumber(t)}</text>`).join('')
  const height = bottom + 50
  return frame(
    title,
    height,
    `${key.svg}${yAxis(y.ticks(6), y, yLabel, top, bottom)}${xAxis}<text x="${(left + width - right) / 2}" y="${bottom + 42}" text-anchor="middle" fill-opacity=".7">${escapeHtml(xLabel)}</text>${lines}`,
  )
}

/** More points than pixels only make the page large: every k-th, and the last. */
function thin(points: readonly Point[]): Point[] {
  const step = Math.max(1, Math.ceil(points.length / 1600))
  return points.filter((_, i) => i % step === 0 || i === points.length - 1)
}

/** Bars by group as an SVG string: side by side with intervals, or stacked. Values must not be negative. */
export function barChart({ title, groups, series, yLabel, stacked = false, yMax }: BarChartOptions): string {
  const key = legend(series.map(s => s.name))
  const top = 40 + key.height
  const bottom = top + 240
  const value = (s: number, g: number) => series[s]?.values[g] ?? 0
  const tops = groups.flatMap((_, g) => (stacked ? [series.reduce((sum, _, s) => sum + value(s, g), 0)] : series.map((one, s) => Math.max(value(s, g), one.high?.[g] ?? 0))))
  const x = scaleBand<number>().domain(groups.map((_, i) => i)).range([left, width - right]).paddingInner(0.25).paddingOuter(0.15)
  const y = scaleLinear().domain([0, yMax ?? Math.max(...tops, 1e-9)]).range([bottom, top])
  if (yMax === undefined) y.nice()
  const inner = scaleBand<number>().domain(series.map((_, i) => i)).range([0, x.bandwidth()]).padding(series.length > 1 ? 0.08 : 0)
  const bars: string[] = []
  groups.forEach((group, g) => {
    let base = 0
    series.forEach((s, i) => {
      const v = s.values[g]
      if (v === undefined || !Number.isFinite(v)) return
      const from = stacked ? base : 0
      base += v
      const barX = x(g)! + (stacked ? 0 : inner(i)!)
      const barWidth = Math.min(stacked ? x.bandwidth() : inner.bandwidth(), 90)
      const shift = ((stacked ? x.bandwidth() : inner.bandwidth()) - barWidth) / 2
      const tip = escapeHtml(`${group}, ${s.name}: ${formatNumber(v)}`)
      bars.push(`<rect x="${round(barX + shift)}" y="${round(y(from + v))}" width="${round(barWidth)}" height="${round(Math.max(0, y(from) - y(from + v)))}" rx="${stacked ? 0 : 2}" fill="${colour(i)}"><title>${tip}</title></rect>`)
      const low = s.low?.[g]
      const high = s.high?.[g]
      if (!stacked && low !== undefined && high !== undefined) {
        const centre = round(barX + shift + barWidth / 2)
        bars.push(`<path d="M${centre} ${round(y(low))}V${round(y(high))}M${centre - 4} ${round(y(low))}h8M${centre - 4} ${round(y(high))}h8" stroke="currentColor" stroke-width="1.5" fill="none"/>`)
      }
    })
  })
  const slanted = groups.some(g => g.length * 7.2 > x.step())
  const names = groups.map((g, i) => {
    const at = round(x(i)! + x.bandwidth() / 2)
    return slanted
      ? `<text transform="translate(${at} ${bottom + 16}) rotate(-32)" text-anchor="end" fill-opacity=".8">${escapeHtml(g)}</text>`
      : `<text x="${at}" y="${bottom + 20}" text-anchor="middle" fill-opacity=".8">${escapeHtml(g)}</text>`
  })
  const longest = Math.max(0, ...groups.map(g => g.length))
  const height = bottom + (slanted ? Math.min(160, 30 + longest * 4) : 34)
  return frame(title, height, `${key.svg}${yAxis(y.ticks(6), y, yLabel, top, bottom)}${bars.join('')}${names.join('')}`)
}
