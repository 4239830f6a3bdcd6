#include "fr/report/style.h"

namespace fr {

// Colours after Okabe and Ito 2008, distinguishable with any colour vision; lighter versions on dark paper.
const char* const kStyle = R"css(
:root { color-scheme: light dark; --paper: #fff; --ink: #1b1d1f; --soft: #5d646b; --rule: #cfd4d9; --grid: #e8ebee;
  --c0: #0072b2; --c1: #c95400; --c2: #00825f; --c3: #a34f88; --c4: #80878e; --wrong: #b3261e; --tint: #f5f7f8; --pale: 0.3; }
@media (prefers-color-scheme: dark) {
  :root { --paper: #15181b; --ink: #e4e7ea; --soft: #9aa3ab; --rule: #3b4248; --grid: #272c31;
    --c0: #5ab4ea; --c1: #f08d4f; --c2: #3fc79a; --c3: #d998c0; --c4: #8a929a; --wrong: #ff8a80; --tint: #1c2024; --pale: 0.5; }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); overflow-wrap: break-word;
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", "Liberation Sans", Arial, sans-serif; }
main { max-width: 1100px; margin: 0 auto; padding: 40px 28px 48px; }
h1 { font-size: 28px; line-height: 1.2; margin: 0 0 10px; font-weight: 650; letter-spacing: -0.01em; }
h2 { font-size: 18px; margin: 0 0 14px; font-weight: 650; }
h3 { font-size: 15px; margin: 28px 0 8px; font-weight: 650; }
h3 span { font-weight: 400; color: var(--soft); margin-left: 6px; }
section { border-top: 1px solid var(--rule); padding-top: 18px; margin-top: 34px; }
.verdict { font-size: 19px; line-height: 1.45; margin: 0 0 8px; max-width: 44em; }
.summary { margin: 0 0 8px; max-width: 48em; color: var(--soft); }
.flag { margin: 0; } .flag a { color: var(--wrong); font-weight: 600; }
.remark { color: var(--soft); font-size: 13px; margin: 4px 0 0; max-width: 60em; }
.about { color: var(--soft); margin: -8px 0 18px; max-width: 48em; }
.tiles { display: grid; grid-template-columns: repeat(4, minmax(0, 1fr)); gap: 16px 28px; margin-top: 26px; }
.tiles > div { border-top: 2px solid var(--ink); padding-top: 8px; }
.tiles span { display: block; margin: 0; }
.tiles .name { font-size: 13px; }
.tiles .value { font-size: 32px; line-height: 1.25; font-weight: 600; letter-spacing: -0.02em; white-space: nowrap; }
.facts { display: grid; grid-template-columns: repeat(auto-fill, minmax(230px, 1fr)); gap: 12px 28px; margin: 0; }
.facts dt { font-size: 13px; color: var(--soft); } .facts dd { margin: 0; }
figure { margin: 0; min-width: 0; }
.large-figures { display: grid; grid-template-columns: repeat(2, minmax(0, 1fr)); gap: 28px 36px; }
.small-figures { display: grid; grid-template-columns: repeat(3, minmax(0, 1fr)); gap: 26px 30px; margin-top: 30px; }
figcaption b { font-weight: 650; margin-right: 8px; }
.key { color: var(--soft); font-size: 13px; margin-right: 10px; white-space: nowrap; }
.swatch { width: 26px; height: 6px; vertical-align: 3px; margin-right: 5px; } .swatch .line { stroke-width: 2.5; }
.chart { display: block; width: 100%; height: auto; margin-top: 6px; }
.chart text { font-size: 11px; fill: var(--soft); font-variant-numeric: tabular-nums; }
.large text { font-size: 12px; }
.chart .y, .chart .note.end, .chart .readout { text-anchor: end; }
.chart .x, .chart .label { text-anchor: middle; }
.chart .note, .chart .readout { fill: var(--ink); }
.chart .note { paint-order: stroke; stroke: var(--paper); stroke-width: 3px; stroke-linejoin: round; }
.chart .readout { paint-order: stroke; stroke: var(--paper); stroke-width: 4px; }
.chart .end { font-weight: 600; text-anchor: start; }
.grid, .axis, .rule { fill: none; stroke: var(--grid); stroke-width: 1; }
.axis { stroke: var(--c4); } .rule { stroke: var(--ink); stroke-dasharray: 3 3; }
.line { fill: none; stroke-width: 1.8; stroke-linejoin: round; }
.pale { stroke-width: 1; opacity: var(--pale); } .dashed { stroke-width: 1.2; stroke-dasharray: 5 4; }
.d1 { stroke-dasharray: 7 3; } .d2 { stroke-dasharray: 2 2.5; } .d3 { stroke-dasharray: 9 3 2 3; } .d4 { stroke-dasharray: 14 4; }
.area { stroke: none; opacity: 0.16; }
.line.c0 { stroke: var(--c0); } .line.c1 { stroke: var(--c1); } .line.c2 { stroke: var(--c2); }
.line.c3 { stroke: var(--c3); } .line.c4 { stroke: var(--c4); }
.area.c0, .dot.c0 { fill: var(--c0); } .area.c1, .dot.c1 { fill: var(--c1); } .area.c2, .dot.c2 { fill: var(--c2); }
.area.c3, .dot.c3 { fill: var(--c3); } .area.c4, .dot.c4 { fill: var(--c4); }
.chart .t0 { fill: var(--c0); } .chart .t1 { fill: var(--c1); } .chart .t2 { fill: var(--c2); }
.chart .t3 { fill: var(--c3); } .chart .t4 { fill: var(--c4); }
.features .dots { fill: none; stroke-linecap: round; stroke-width: 2.4; opacity: 0.65; }
.features .big { stroke-width: 9; opacity: 1; } .features .bar { stroke-width: 2.2; opacity: 0.8; fill: none; }
.features .ray { stroke-width: 1.2; fill: none; } .features .axis { fill: none; }
.k0 { stroke: #2f7ed8; } .k1 { stroke: #e4572e; } .k2 { stroke: #1a936f; } .k3 { stroke: #b05cc6; } .k4 { stroke: #d99a00; }
.k5 { stroke: #17a2b8; } .k6 { stroke: #d6336c; } .k7 { stroke: #7a8b2a; } .k8 { stroke: #8c6239; } .k9 { stroke: #6c757d; }
.bars .bar { fill: none; stroke-width: 13; } .bar.c0 { stroke: var(--c0); } .bar.c1 { stroke: var(--c1); }
.bar.c2 { stroke: var(--c2); } .bar.c3 { stroke: var(--c3); } .bar.c4 { stroke: var(--c4); }
.bars .bar, .bars .dot { opacity: 0.75; } .bars .whisker { fill: none; stroke: var(--ink); stroke-width: 1.5; }
.bars .name, .bars .value { fill: var(--ink); } .bars .value { text-anchor: end; }
.ring { stroke: var(--paper); stroke-width: 1.5; }
.tables { display: grid; grid-template-columns: repeat(2, minmax(0, 1fr)); gap: 0 36px; }
.scroll { overflow-x: auto; /* a shade at the edge behind which there is more */
  background: linear-gradient(to right, var(--paper) 12px, transparent) left / 30px 100% no-repeat local,
    linear-gradient(to left, var(--paper) 12px, transparent) right / 30px 100% no-repeat local,
    linear-gradient(to right, var(--rule), transparent) left / 12px 100% no-repeat scroll,
    linear-gradient(to left, var(--rule), transparent) right / 12px 100% no-repeat scroll; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { text-align: right; padding: 5px 0 5px 18px; border-bottom: 1px solid var(--grid); vertical-align: top; }
th { font-weight: 400; font-size: 13px; color: var(--soft); border-color: var(--rule); vertical-align: bottom; }
th:first-child, td:first-child { text-align: left; padding-left: 0; }
td small { display: block; color: var(--soft); font-size: 12.5px; line-height: 1.35; }
td:not(:first-child) small { white-space: nowrap; }
.best { font-weight: 650; } .best i, .tied i { font-style: normal; font-weight: 400; margin-right: 5px; }
.best small { font-weight: 400; } .tied i { color: var(--soft); }
.comparison th:not(:first-child), .comparison td:not(:first-child) { white-space: nowrap; }
.comparison th:first-child, .comparison td:first-child { position: sticky; left: 0; background: var(--paper); min-width: 8.5em; }
.warnings { border-left: 3px solid var(--wrong); background: var(--tint); padding: 10px 14px; margin: 16px 0 0; }
.warnings b { color: var(--wrong); } ul { margin: 4px 0 0; padding-left: 20px; } .warnings, ul { max-width: 62em; }
.tables + .large-figures, .remark + .large-figures, .facts + .large-figures, .comparison + .large-figures { margin-top: 26px; }
h3.part { font-size: 17px; border-top: 1px solid var(--grid); padding-top: 14px; margin-top: 34px; }
.pairs { display: grid; grid-template-columns: repeat(auto-fill, minmax(210px, 1fr)); gap: 20px 24px; }
.pictures { display: grid; grid-template-columns: 1fr 1fr; gap: 3px; }
.pictures img, .empty { display: block; width: 100%; aspect-ratio: 1; object-fit: cover; background: var(--tint); }
.empty { display: grid; place-items: center; font-size: 12px; color: var(--soft); border: 1px solid var(--grid); }
.doppelgangers { margin-top: 16px; } .doppelgangers .pictures { gap: 10px; }
.pair figcaption { font-size: 13px; line-height: 1.4; margin-top: 5px; font-variant-numeric: tabular-nums; }
.pair b { margin-right: 4px; } .names { display: block; color: var(--soft); }
.right { color: var(--soft); } .wrong { color: var(--wrong); font-weight: 600; }
summary { cursor: pointer; }
pre { background: var(--tint); padding: 14px 16px; overflow-x: auto; font: 12.5px/1.5 ui-monospace, Menlo, Consolas,
  "Liberation Mono", monospace; margin: 10px 0 0; }
#warnings { border-color: var(--wrong); } #warnings ul { margin: 0; padding-left: 20px; }
footer { margin-top: 40px; color: var(--soft); font-size: 13px; }
@media (max-width: 760px) {
  main { padding: 24px 16px 32px; }
  h1 { font-size: 24px; } .verdict { font-size: 17px; } .tiles .value { font-size: 26px; }
  .tiles { grid-template-columns: repeat(2, minmax(0, 1fr)); gap: 16px 20px; }
  .facts { grid-template-columns: minmax(0, 1fr); gap: 5px; }
  .facts > div { display: grid; grid-template-columns: 7.5em minmax(0, 1fr); align-items: baseline; }
  .large-figures, .small-figures, .tables { grid-template-columns: minmax(0, 1fr); }
  .pairs { grid-template-columns: repeat(auto-fill, minmax(145px, 1fr)); gap: 18px 16px; }
}
@media (max-width: 520px) { th, td { padding-left: 9px; } td small { font-size: 12px; }
  .chart text { font-size: 12px; } .large text { font-size: 16px; } .line { stroke-width: 2; } }
@media print {
  :root { --paper: #fff; --ink: #000; --soft: #444; --rule: #bbb; --grid: #ddd; --c0: #0072b2; --c1: #c95400;
    --c2: #00825f; --c3: #a34f88; --c4: #777; --wrong: #b3261e; --tint: #f5f5f5; --pale: 0.35; }
  body { font-size: 10.5pt; } main { max-width: none; padding: 0; }
  figure, .tiles, tr { break-inside: avoid; } h2, h3 { break-after: avoid; }
  .scroll { overflow: visible; background: none; } table { font-size: 9pt; } td small { font-size: 8pt; }
  th, td { padding-left: 8px; } th { font-size: 8.5pt; }
  .large-figures, .tables { grid-template-columns: repeat(2, minmax(0, 1fr)); gap: 20px 28px; }
  .small-figures { grid-template-columns: repeat(3, minmax(0, 1fr)); } .tiles { grid-template-columns: repeat(4, minmax(0, 1fr)); }
  .facts { grid-template-columns: repeat(3, minmax(0, 1fr)); gap: 8px 20px; } .facts > div { display: block; }
  .pair, .small-figures, .warnings { break-inside: avoid; } .chart text { font-size: 12px; } .tiles .value { font-size: 22px; }
  .readout { display: none; } pre { white-space: pre-wrap; }
}
)css";

// The nearest vertex of each curve, read back through the axes that data-x and data-y describe:
// "<scale> <low> <high> <length>", scale 0 linear, 1 logarithmic, 2 normal deviates (Abramowitz and Stegun 26.2.17). No '<' or '&' below, so the page stays well-formed XML.
const char* const kScript = R"js(
const share = x => { const t = 1 / (1 + 0.2316419 * Math.abs(x)), tail = Math.exp(-x * x / 2) * 0.39894228 * t *
  (0.31938153 + t * (-0.356563782 + t * (1.781477937 + t * (-1.821255978 + t * 1.330274429))));
  return x > 0 ? 1 - tail : tail; };
for (const chart of document.querySelectorAll('svg.chart[data-x]')) {
  const axis = name => { const [log, low, high, length] = chart.dataset[name].split(' ').map(Number);
    return u => { const v = low + (high - low) * u / length; return log == 2 ? share(v) : log ? 10 ** v : v; }; };
  const x = axis('x'), y = axis('y'), height = Number(chart.dataset.y.split(' ')[3]);
  const lines = [...chart.querySelectorAll('.plot .line:not(.dashed):not(.pale)')].map(path => ({ path,
    points: path.getAttribute('d').slice(1).split('L').map(p => p.split(' ').map(Number)) }));
  const show = v => Math.abs(v) >= 1e4 ? Math.round(v).toLocaleString('en') : String(+v.toPrecision(4));
  const readout = chart.querySelector('.readout');
  chart.addEventListener('pointerleave', () => { readout.textContent = ''; });
  chart.addEventListener('pointermove', event => {
    if (!lines.length) return;
    const at = new DOMPoint(event.clientX, event.clientY).matrixTransform(lines[0].path.getScreenCTM().inverse()).x;
    const near = lines.map(l => l.points.reduce((a, b) => Math.abs(b[0] - at) > Math.abs(a[0] - at) ? a : b));
    readout.textContent = show(x(near[0][0])) + ': ' + near.map((p, i) =>
      [lines[i].path.dataset.name, show(y(height - p[1]))].filter(Boolean).join(' ')).join(', ');
  });
}
)js";

}  // namespace fr
