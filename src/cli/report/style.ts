/** The style of a report: light or dark as the reader's system, and black on white in print. */
export const style = `
:root {
  color-scheme: light dark; --paper: #fff; --ink: #1b1f24; --soft: #57606a; --rule: #d0d7de; --grid: #e6eaee;
  --panel: #f6f8fa; --run: #0a5ea8; --other: #b4500b; --bad: #b42318
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #14181d; --ink: #e6e9ed; --soft: #9aa5b1; --rule: #38414b; --grid: #262d35; --panel: #1b2128;
    --run: #6db7ff; --other: #ffa45c; --bad: #ff8a80
  }
}
* { box-sizing: border-box }
body {
  margin: 0 auto; max-width: 76rem; padding: 1.5rem; background: var(--paper); color: var(--ink);
  font: 15px/1.5 system-ui, sans-serif
}
h1 { margin: 0 0 .25rem; font-size: 1.7rem }
h2 { margin: 2.2rem 0 .6rem; font-size: 1.2rem }
p { margin: .3rem 0; max-width: 65rem }
.soft { color: var(--soft) }
.warning { margin: 0 0 1rem; padding: .7rem 1rem; border: 2px solid var(--bad); border-radius: 6px; font-weight: 600 }
dl {
  display: grid; grid-template-columns: repeat(auto-fill, minmax(17rem, 1fr)); gap: .4rem 1.5rem; margin: 1rem 0;
  padding: .9rem 1.1rem; background: var(--panel); border: 1px solid var(--rule); border-radius: 6px
}
dl div { min-width: 0 }
dt { color: var(--soft); font-size: .82rem }
dd { margin: 0; overflow-wrap: anywhere }
.scroll { overflow-x: auto }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums }
caption { text-align: left; color: var(--soft); padding: .2rem 0 .4rem }
th, td { padding: .3rem .6rem; text-align: left; vertical-align: top; border-bottom: 1px solid var(--rule) }
thead th { font-size: .82rem; color: var(--soft); border-bottom-width: 2px }
tbody th { font-weight: 600 }
.number { text-align: right; white-space: nowrap }
.run { color: var(--run) }
.other { color: var(--other) }
.plots { display: grid; grid-template-columns: repeat(auto-fill, minmax(21rem, 1fr)); gap: 1rem }
figure { margin: 0; padding: .7rem; border: 1px solid var(--rule); border-radius: 6px; break-inside: avoid }
figcaption { font-weight: 600; margin-bottom: .3rem }
svg { display: block; width: 100%; height: auto }
.legend svg { display: inline-block; width: 28px; height: 10px; margin-right: .4rem }
.legend {
  display: flex; flex-wrap: wrap; gap: 0 1.2rem; margin: .2rem 0 0; padding: 0; list-style: none; font-size: .85rem
}
.grid { stroke: var(--grid) }
.guide { fill: none; stroke: var(--soft); stroke-dasharray: 2 4 }
.tick, .note { fill: var(--soft); font: 11px system-ui, sans-serif }
.axis { fill: var(--ink); font: 12px system-ui, sans-serif }
.line { fill: none; stroke-width: 2 }
.line.run, .mark.run { stroke: var(--run) }
.line.other, .mark.other { stroke: var(--other); stroke-dasharray: 6 3 }
.mark { stroke-width: 1 }
.dot.run, .bar.run { fill: var(--run) }
.dot.other { fill: var(--other) }
.bar.other { fill: var(--paper); stroke: var(--other) }
footer { margin-top: 2.5rem; color: var(--soft); font-size: .85rem }
@media print {
  :root {
    color-scheme: light; --paper: #fff; --ink: #000; --soft: #333; --rule: #999; --grid: #ddd; --panel: #fff;
    --run: #0a5ea8; --other: #b4500b
  }
  body { max-width: none; padding: 0; font-size: 11px }
  .plots { grid-template-columns: repeat(2, 1fr) }
  h2 { break-after: avoid }
  tr { break-inside: avoid }
  .scroll { overflow: visible }
}
`
