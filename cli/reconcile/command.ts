/** `reconcile`: a provider's invoice against the log. */
import { formatMoney, type Micros } from '../../contracts/money.js';
import { StartError } from '../../infra/start-error.js';
import { withDatabase } from '../../runtime/open-database.js';
import { textOf } from '../catalogue/check.js';
import { EXIT_FOUND, type Context } from '../context.js';
import { momentRange } from '../moment.js';
import { asJson, table } from '../table.js';
import { attemptsAt, type Attempt } from './attempts.js';
import { invoiceIn } from './invoice.js';
import { matchesOf, type Match } from './match.js';

export interface ReconcileOptions {
  readonly provider: string;
  readonly from?: string;
  readonly to?: string;
  readonly all?: true;
  readonly json?: true;
}

export async function reconcile(
  context: Context,
  path: string,
  options: ReconcileOptions,
): Promise<void> {
  const { fromMs, toMs } = momentRange(options);
  const invoice = invoiceIn(await textOf(path));
  const { attempts, providers } = await withDatabase(context.config(), ({ store }) =>
    attemptsAt(store, options.provider, context.signal),
  );
  if (!providers.has(options.provider)) throw new StartError(unknown(options.provider, providers));
  const isIn = (at: string) => Date.parse(at) >= fromMs && Date.parse(at) < toMs;
  // What the invoice's span of time does not cover is not missing on it.
  const isCovered = ({ state, attempt }: Match) =>
    state !== 'not_invoiced' || (attempt && isIn(attempt.at));
  const matches = matchesOf(invoice, attempts).filter(isCovered);
  const wrong = matches.filter(({ state }) => state !== 'equal');
  if (wrong.length > 0) context.endWith(EXIT_FOUND);
  const shown = options.all ? matches : wrong;
  const totals = totalsOf(matches);
  if (options.json) {
    const provider = { provider: options.provider };
    return context.print(asJson({ ...provider, ...totals, lines: shown.map(bodyOf) }));
  }
  const { lines, equal, invoiced, recorded, charged, difference } = totals;
  context.print(
    `${equal} of ${lines} lines are equal; invoiced ${invoiced}, recorded ${recorded}, ` +
      `charged to callers ${charged}; difference ${difference}`,
  );
  if (shown.length > 0) context.print(table(HEAD, shown.map(cellsOf)));
}

function unknown(provider: string, providers: ReadonlySet<string>): string {
  const named = [...providers].sort();
  if (named.length === 0) return `No catalogue of this log has a provider, so ${provider} is none.`;
  return `There is no provider ${provider} in this log: name one of ${named.join(', ')}.`;
}

const HEAD = ['LINE', 'STATE', 'KEY', 'EXECUTION', 'ESTIMATE', 'CHARGE', 'RECORDED', 'INVOICED'];

const cellsOf = (match: Match): readonly string[] => {
  const { line, state, key, execution_id: id, ...money } = bodyOf(match);
  const { estimate, charge, recorded, invoiced } = money;
  const amounts = [estimate, charge, recorded, invoiced].map((amount) => amount ?? '-');
  return [line === null ? '-' : `${line}`, state, key, id ?? '-', ...amounts];
};

const bodyOf = ({ state, line, attempt, difference }: Match) => ({
  line: line?.line ?? null,
  state,
  key: line?.key ?? attempt?.dispatchKey ?? '',
  execution_id: attempt?.executionId ?? null,
  attempt: attempt?.attempt ?? null,
  outcome: attempt?.outcome ?? null,
  estimate: amountOf(attempt?.estimate),
  charge: amountOf(attempt?.charge),
  recorded: amountOf(attempt?.providerCost),
  may_have_cost: amountOf(attempt?.mayHaveCost),
  invoiced: amountOf(line?.amount),
  difference: formatMoney(difference),
});

const amountOf = (micros: Micros | undefined): string | null =>
  micros === undefined ? null : formatMoney(micros);

function totalsOf(matches: readonly Match[]) {
  const sum = (of: (match: Match) => Micros | undefined) =>
    formatMoney(matches.reduce((all, match) => all + (of(match) ?? 0n), 0n));
  const ofAttempt = (of: (attempt: Attempt) => Micros | undefined) =>
    sum(({ state, attempt }) => (attempt && state !== 'twice' ? of(attempt) : undefined));
  return {
    lines: matches.length,
    equal: matches.filter(({ state }) => state === 'equal').length,
    invoiced: sum(({ line }) => line?.amount),
    recorded: ofAttempt(({ providerCost }) => providerCost),
    charged: ofAttempt(({ charge }) => charge),
    difference: sum(({ difference }) => difference),
  };
}
