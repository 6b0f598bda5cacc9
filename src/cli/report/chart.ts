import type { Point } from '../../learning/figures/ranking.js'
import { escaped } from './markup.js'

/** One of the two scorers. Each has its colour and its stroke, so that a grey print is readable too. */
export type Of = 'run' | 'other'

export interface Series {
  readonly of: Of
  readonly name: string
  readonly points: readonly Point[]
  /** A line through the points, dots at them, or bars from the axis; bars of the two scorers are side by side. */
  readonly as: 'line' | 'dots' | 'bars'
}

export interface Axis {
  readonly title: string
  readonly from: number
  readonly to: number
  readonly ticks: readonly number[]
  readonly label?: (value: number) => string
}

export interface Chart {
  readonly title: string
  /** The content of the chart in a sentence, for screen readers. */
  readonly description: string
  readonly x: Axis
  readonly y: Axis
  readonly series: readonly Series[]
  /** A thin line for orientation, such as the diagonal. */
  readonly guide?: readonly Point[]
  /** Vertical lines with a name. */
  readonly marks?: readonly { readonly of: Of; readonly at: number; readonly name: string }[]
}

const size = { width: 420, height: 320 }
const inner = { left: 56, top: 14, right: 14, bottom: 44 }
const plot = { width: size.width - inner.left - inner.right, height: size.height - inner.top - inner.bottom }

/** 0, 0.2 ... 1. */
export const unitTicks: readonly number[] = [0, 0.2, 0.4, 0.6, 0.8, 1]

/** Five ticks or so at round numbers, from 0 to at least `most`. */
export function roundTicks(most: number): readonly number[] {
  const step = 10 ** Math.floor(Math.log10(Math.max(most, 1) / 4))
  const wide = [1, 2, 5, 10].map((times) => times * step).find((one) => most / one <= 6)!
  return Array.from({ length: Math.ceil(most / wide) + 1 }, (_, i) => i * wide)
}

/** The chart as a figure with inline SVG; colours come from the page's style. */
export function chartOf(chart: Chart): string {
  const { title, description, x, y, series, guide, marks = [] } = chart
  const toX = (value: number): number => inner.left + ((value - x.from) / (x.to - x.from || 1)) * plot.width
  const toY = (value: number): number =>
    inner.top + plot.height - ((value - y.from) / (y.to - y.from || 1)) * plot.height
  const at = ([px, py]: Point): string => `${toX(px).toFixed(1)},${toY(py).toFixed(1)}`
  const parts = [
    ...axes(x, y, toX, toY),
    guide === undefined ? '' : `<polyline class="guide" points="${guide.map(at).join(' ')}"/>`,
    ...marks.map(
      (mark, i) =>
        `<line class="mark ${mark.of}" x1="${toX(mark.at)}" x2="${toX(mark.at)}" y1="${inner.top}" ` +
        `y2="${inner.top + plot.height}"/><text class="note" x="${toX(mark.at) + 4}" ` +
        `y="${inner.top + 12 + 14 * i}">${escaped(mark.name)}</text>`,
    ),
    ...series.map((one) => drawn(one, at, toX, toY(y.from), x)),
  ]
  const legend = series
    .map(
      (one) =>
        `<li class="${one.of}"><svg width="28" height="10" aria-hidden="true"><line x1="1" y1="5" x2="27" ` +
        `y2="5" class="line ${one.of}"/></svg>${escaped(one.name)}</li>`,
    )
    .join('')
  return `<figure><figcaption>${escaped(title)}</figcaption>
<svg viewBox="0 0 ${size.width} ${size.height}" role="img" aria-label="${escaped(`${title}. ${description}`)}">
${parts.filter((part) => part !== '').join('\n')}
</svg><ul class="legend">${legend}</ul></figure>`
}

function axes(x: Axis, y: Axis, toX: (value: number) => number, toY: (value: number) => number): string[] {
  const bottom = inner.top + plot.height
  const text = (axis: Axis, value: number): string => escaped(axis.label?.(value) ?? String(value))
  return [
    ...x.ticks.map(
      (tick) =>
        `<line class="grid" x1="${toX(tick)}" x2="${toX(tick)}" y1="${inner.top}" y2="${bottom}"/><text ` +
        `class="tick" x="${toX(tick)}" y="${bottom + 16}" text-anchor="middle">${text(x, tick)}</text>`,
    ),
    ...y.ticks.map(
      (tick) =>
        `<line class="grid" x1="${inner.left}" x2="${inner.left + plot.width}" y1="${toY(tick)}" ` +
        `y2="${toY(tick)}"/><text class="tick" x="${inner.left - 6}" y="${toY(tick) + 4}" ` +
        `text-anchor="end">${text(y, tick)}</text>`,
    ),
    `<text class="axis" x="${inner.left + plot.width / 2}" y="${size.height - 8}" ` +
      `text-anchor="middle">${escaped(x.title)}</text>`,
    `<text class="axis" transform="translate(13 ${inner.top + plot.height / 2}) rotate(-90)" ` +
      `text-anchor="middle">${escaped(y.title)}</text>`,
  ]
}

function drawn(
  { of, points, as }: Series,
  at: (point: Point) => string,
  toX: (value: number) => number,
  base: number,
  x: Axis,
): string {
  if (points.length === 0) return ''
  switch (as) {
    case 'line':
      return `<polyline class="line ${of}" points="${points.map(at).join(' ')}"/>`
    case 'dots':
      return (
        `<polyline class="line ${of}" ` +
        `points="${points.map(at).join(' ')}"/>${points
          .map(
            (point) =>
              `<circle class="dot ${of}" cx="${at(point).split(',')[0]!}" cy="${at(point).split(',')[1]!}" ` +
              'r="3.5"/>',
          )
          .join('')}`
      )
    case 'bars': {
      const width = ((toX(x.to) - toX(x.from)) / points.length) * 0.42
      return points
        .map((point) => {
          const [px, py] = at(point).split(',').map(Number)
          return (
            `<rect class="bar ${of}" x="${(of === 'run' ? px! - width : px!).toFixed(1)}" ` +
            `y="${py!.toFixed(1)}" width="${width.toFixed(1)}" height="${Math.max(0, base - py!).toFixed(1)}"/>`
          )
        })
        .join('')
    }
  }
}
