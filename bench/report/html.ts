/** The report as one page that needs nothing else: the table, the ratios, and every sample. */
import type { Measured, Row } from '../harness.js';
import { figure, measuredText, type RunFacts } from './table.js';
import { ratioPlot, samplePlot } from './svg.js';

export function htmlReport(rows: readonly Row[], facts: RunFacts): string {
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>ModelRoute benchmarks</title>
<style>${STYLE}</style>
<h1>ModelRoute benchmarks</h1>
<p>${[facts.at, facts.machine, facts.database, facts.turns].map(escaped).join('<br>')}</p>
<h2>Ratios</h2>
<p>Dot: ratio. Bar: 95&nbsp;% interval. Solid mark: target. Dashed mark: what this release must
reach. The scale is logarithmic.</p>
${ratioPlot(rows)}
<h2>Table</h2>
<table>
<tr><th><th>A ÷ B<th>A<th>B<th>ratio<th>95 %<th>target<th>verdict<th>here<th>verdict</tr>
${rows.map(tableRow).join('\n')}
</table>
<h2>Samples</h2>
<p>Every turn in the order of rounds; the line is the median.</p>
${rows.map(samples).join('\n')}
</html>
`;
}

function tableRow(row: Row): string {
  const { id, name, absolutes, ratio, low, high, target, verdict, here, hereVerdict } = row;
  const sign = row.atMost ? '≤' : '≥';
  const { a, b } = absolutes;
  return `<tr><td>${id}<td>${escaped(name)}<td>${told(a)}<td>${told(b)}<td>${figure(ratio)}<td>${figure(
    low,
  )} – ${figure(high)}<td>${sign} ${target}<td class="${verdict}">${verdict}<td>${sign} ${here}<td class="${hereVerdict}">${hereVerdict}</tr>`;
}

const told = (measured: Measured): string => escaped(measuredText(measured));

function samples({ id, name, absolutes, violations, notes }: Row): string {
  const remarks = [...violations.map((found) => `VIOLATED: ${found}`), ...notes];
  return `<h3>${id} ${escaped(name)}</h3>
${samplePlot([absolutes.a, absolutes.b])}
${remarks.map((remark) => `<p>${escaped(remark)}</p>`).join('\n')}`;
}

export const escaped = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;');

const STYLE = `
  body { font: 15px/1.5 system-ui, sans-serif; max-width: 62rem; margin: 2rem auto; padding: 0 1rem; }
  table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: 13px; }
  th, td { text-align: left; padding: .25rem .6rem; border-bottom: 1px solid #ddd; }
  svg { display: block; width: 100%; height: auto; }
  svg text { font: 12px system-ui, sans-serif; fill: #222; }
  .reached { color: #14733b; } .short { color: #b3261e; } .inconclusive { color: #8a6100; }`;
