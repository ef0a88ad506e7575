/** `what-if`: recorded traffic under another catalogue, without a call of any provider. */
import { StartError } from '../../infra/start-error.js';
import { loadCatalogue } from '../../providers/catalogue/load-catalogue.js';
import { withDatabase } from '../../runtime/open-database.js';
import { textOf } from '../catalogue/check.js';
import type { Context } from '../context.js';
import { momentRange } from '../moment.js';
import { asJson, table } from '../table.js';
import { completedIn } from './recorded.js';
import { openSums, type Line } from './sums.js';

export interface WhatIfOptions {
  readonly catalogue: string;
  readonly from?: string;
  readonly to?: string;
  readonly json?: true;
}

export async function whatIf(context: Context, options: WhatIfOptions): Promise<void> {
  const range = momentRange(options);
  const variables = { SANDBOX_URL: 'http://127.0.0.1:1', ...context.env() };
  const result = loadCatalogue(await textOf(options.catalogue), variables);
  if ('problems' in result)
    throw new StartError(`${options.catalogue} is no catalogue: ${result.problems[0]}`);
  const sums = openSums(result.catalogue);
  await withDatabase(context.config(), async ({ store }) => {
    for await (const recorded of completedIn(store, range, context.signal)) sums.add(recorded);
  });
  const { lines, ...rest } = sums.result();
  const answer = { catalogue_version: result.catalogue.version, ...rest, lines };
  if (options.json) return context.print(asJson(answer));
  const { executions, elsewhere, refused, today, proposed } = answer;
  const counts = Object.entries(refused).map(([why, count]) => `${count} ${why}`);
  context.print(
    `${executions} completed executions; ${elsewhere} would have gone elsewhere; ` +
      `refused: ${counts.join(', ') || 'none'}`,
  );
  context.print(table(HEAD, [...lines.map(cellsOf), totalCells(today, proposed)]));
}

const HEAD = [
  ['MODEL', 'PROVIDER'],
  ['TODAY', 'REVENUE', 'COST', 'MARGIN'],
  ['PROPOSED', 'REVENUE', 'COST', 'MARGIN'],
].flat();

const cellsOf = ({ model, provider, today, proposed }: Line): readonly string[] => [
  model,
  provider,
  ...moneyCells(today),
  ...moneyCells(proposed),
];

const moneyCells = ({ executions, revenue, cost, margin }: Line['today']): readonly string[] => [
  `${executions}`,
  revenue,
  cost,
  margin,
];

const totalCells = (today: Line['today'], proposed: Line['today']): readonly string[] => [
  'all',
  '',
  ...moneyCells(today),
  ...moneyCells(proposed),
];
