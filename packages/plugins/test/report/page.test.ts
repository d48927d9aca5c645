import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { barChart, lineChart } from '../../src/report/chart.js'
import { html } from '../../src/report/html.js'
import { formatNumber, page, table } from '../../src/report/page.js'

test('text is escaped everywhere and markup is not', () => {
  const text = page({ title: '<b>', subtitle: '<c>', footer: '<d>', sections: [{ title: '<e>', intro: '<f>', body: [table(['<g>'], [['<h>']]), html`<i>${'<j>'}</i>`] }] })
  for (const letter of 'bcdefghj') assert.ok(text.includes(`&lt;${letter}&gt;`), letter)
  assert.ok(text.includes('<i>&lt;j&gt;</i>'))
})

test('a page asks for nothing outside itself and says so to the browser', () => {
  const text = page({ title: 't', sections: [{ body: lineChart({ title: 'x', xLabel: 'x', yLabel: 'y', series: [{ name: 'a', points: [[0, 1], [1, 2]] }] }) }] })
  assert.match(text, /Content-Security-Policy" content="default-src 'none'/)
  assert.not.match(text.replaceAll('http://www.w3.org/2000/svg', ''), /https?:|<script|<link|@import|url\(/)
})

test('lines skip what is not finite and draw a series of one point', () => {
  const svg = lineChart({ title: 't', xLabel: 'x', yLabel: 'y', series: [{ name: 'a', points: [[0, 1], [1, NaN], [2, 3], [3, 2]] }, { name: 'one', points: [[1, 1]] }] })
  assert.not.match(svg, /NaN|Infinity|undefined/)
  assert.ok(svg.includes('one'))
})

test('charts without data are still charts', () => {
  for (const svg of [lineChart({ title: 't', xLabel: 'x', yLabel: 'y', series: [] }), lineChart({ title: 't', xLabel: 'x', yLabel: 'y', yScale: 'log', series: [{ name: 'a', points: [] }] }), barChart({ title: 't', yLabel: 'y', groups: [], series: [] })]) {
    assert.match(svg, /^<svg .*<\/svg>$/s)
    assert.not.match(svg, /NaN|Infinity/)
  }
})

test('the title of an axis stands beside its ticks, however long these are', () => {
  const svg = lineChart({ title: 't', xLabel: 'step', yLabel: 'rate', series: [{ name: 'a', points: [[0, 0.00025], [1, 0.00001]] }] })
  const [, end, tick] = /<text x="([\d.]+)"[^>]*>(5\.000e-5)</.exec(svg)!
  const [, title] = /translate\(([\d.]+) [\d.]+\) rotate\(-90\)/.exec(svg)!
  // A digit of 13 pixels is at most 8.3 wide; the title goes 4 below its line.
  assert.ok(Number(end) - 8 * tick!.length > Number(title))
})

test('a bar is as high as its value and carries its interval', () => {
  const svg = barChart({ title: 't', yLabel: 'y', yMax: 1, groups: ['g'], series: [{ name: 'a', values: [0.5], low: [0.4], high: [0.6] }] })
  assert.match(svg, /height="120"/)
  assert.match(svg, /<path d="M[\d.]+ 184V136/)
})

test('numbers are short and readable', () => {
  assert.equal([0.81254, 12345, 0.00001234, 0, 1234.56, NaN].map(formatNumber), ['0.8125', '12,345', '1.234e-5', '0', '1,234.6', 'NaN'])
})

test.run()
