/** The report as one page that needs nothing else: the table, the ratios, and every sample. */
import type { Row } from '../cell.js';
import { escaped } from './markup.js';
import { ratioPlot, samplePlot } from './svg.js';
import { cellsOf, HEADINGS, type RunFacts } from './table.js';

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
<tr>${HEADINGS.map((heading) => `<th>${heading}</th>`).join('')}</tr>
${rows.map(tableRow).join('\n')}
</table>
<h2>Samples</h2>
<p>Every turn in the order of rounds; the line is the median.</p>
${rows.map(samples).join('\n')}
</html>
`;
}

const JUDGED = new Set(['reached', 'short', 'inconclusive']);

function tableRow(row: Row): string {
  const cell = (text: string) =>
    `<td${JUDGED.has(text) ? ` class="${text}"` : ''}>${escaped(text)}</td>`;
  return `<tr>${cellsOf(row).map(cell).join('')}</tr>`;
}

function samples({ id, name, absolutes, violations, notes }: Row): string {
  const remarks = [...violations.map((found) => `VIOLATED: ${found}`), ...notes];
  return `<h3>${id} ${escaped(name)}</h3>
${samplePlot([absolutes.a, absolutes.b])}
${remarks.map((remark) => `<p>${escaped(remark)}</p>`).join('\n')}`;
}

const STYLE = `
  body { font: 15px/1.5 system-ui, sans-serif; max-width: 62rem; margin: 2rem auto; }
  table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: 13px; }
  th, td { text-align: left; padding: .25rem .6rem; border-bottom: 1px solid #ddd; }
  svg { display: block; width: 100%; height: auto; }
  svg text { font: 12px system-ui, sans-serif; fill: #222; }
  .reached { color: #14733b; } .short { color: #b3261e; } .inconclusive { color: #8a6100; }`;
