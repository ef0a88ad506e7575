/**
 * The read models against the auditor's own sums, each at the position at which it stood. I3: the
 * ledger's entries, the balances and the log say the same. I1, I2, I5: no accepted execution, open
 * hold or due delivery is missing from what can be read. I8: no feed has a gap.
 */
import type { OrganizationId } from '../contracts/ids.js';
import { formatMoney, type Micros } from '../contracts/money.js';
import type { Comparison } from './audit.js';
import type { Findings } from './findings.js';
import type { Account, OpenItems } from './open-items.js';
import type { ReadModels } from './read-models.js';

type Compare = (models: ReadModels, open: OpenItems) => void;

const tables: Readonly<Record<string, Compare>> = {
  account_balances: compareBalances,
  ledger_entries: compareLedger,
  holds: compareHolds,
  executions: compareExecutions,
  deliveries: compareDeliveries,
  feed_events: compareFeeds,
};

export function comparisonsOf(models: ReadModels, findings: Findings): Comparison[] {
  for (const { name, stoppedBy } of models.projections)
    if (stoppedBy !== undefined)
      findings.add('read models', name, `it stopped at an event: ${stoppedBy}`);
  return Object.entries(tables).flatMap(([table, compare]) => {
    const projection = models.projections.find((one) => one.tables.includes(table));
    // Before the first start of the projectors there is nothing to compare.
    if (!projection) return [];
    const { position } = projection;
    return [{ position, compare: (open: OpenItems) => compare(models, open) }];
  });
}

function compareBalances({ balances }: ReadModels, { accounts, findings }: OpenItems): void {
  for (const id of idsOf(balances, accounts)) {
    const [row, account] = [balances.get(id), accounts.get(id)];
    const wrong = (problem: string) => findings.add('I3', `account-${id}`, problem);
    if (!row) wrong('it has no balance in the read model');
    else if (!account) wrong('the read model has a balance of it, and the log no event');
    else {
      const sum = availableIn(account);
      if (row.available !== sum)
        wrong(`${formatMoney(row.available)} are available in the read model, ${money(sum)}`);
      if (row.held !== account.held)
        wrong(`${formatMoney(row.held)} are held in the read model, ${money(account.held)}`);
      if (row.revision !== account.revision || row.position !== account.position)
        wrong(`its balance is of revision ${row.revision}, and the log at ${account.revision}`);
    }
  }
}

const money = (amount: Micros) => `${formatMoney(amount)} by the log`;

const availableIn = (account: Account): Micros =>
  account.deposited +
  account.adjustedUp -
  account.adjustedDown -
  account.reserved +
  account.returned -
  account.charged;

/** Double entry: between any two books as much moved in the ledger as in the log. */
function compareLedger({ ledger }: ReadModels, { accounts, findings }: OpenItems): void {
  for (const id of idsOf(ledger, accounts)) {
    const [sums, account] = [ledger.get(id), accounts.get(id)];
    const wrong = (problem: string) => findings.add('I3', `account-${id}`, problem);
    if (sums?.slips) {
      const { count, first } = sums.slips;
      wrong(`${count} ledger entries do not add up, the first at position ${first}`);
    }
    const due = account ? movedIn(account) : new Map<string, Micros>();
    for (const books of new Set([...due.keys(), ...(sums?.moved.keys() ?? [])])) {
      const [is, should] = [sums?.moved.get(books) ?? 0n, due.get(books) ?? 0n];
      if (is !== should)
        wrong(
          `${formatMoney(is)} went ${books.replace('>', ' → ')} in the ledger, ${money(should)}`,
        );
    }
  }
}

const movedIn = (account: Account): ReadonlyMap<string, Micros> =>
  new Map([
    ['funding>available', account.deposited],
    ['adjustments>available', account.adjustedUp],
    ['available>adjustments', account.adjustedDown],
    ['available>held', account.reserved],
    ['held>available', account.returned],
    ['available>revenue', account.charged],
  ]);

function compareHolds({ holds }: ReadModels, open: OpenItems): void {
  const due = new Map<OrganizationId, { open: bigint; amount: Micros }>();
  for (const { organizationId, amount } of open.holds.values()) {
    const sum = due.get(organizationId) ?? { open: 0n, amount: 0n };
    due.set(organizationId, { open: sum.open + 1n, amount: sum.amount + amount });
  }
  const none = { open: 0n, amount: 0n };
  for (const id of idsOf(holds, due)) {
    const [is, should] = [holds.get(id) ?? none, due.get(id) ?? none];
    if (is.open === should.open && is.amount === should.amount) continue;
    const [row, log] = [is, should].map((sum) => `${sum.open} over ${formatMoney(sum.amount)}`);
    open.findings.add('I2', `account-${id}`, `open holds in the read model: ${row}; log: ${log}`);
  }
}

function compareExecutions({ executions, costs }: ReadModels, open: OpenItems): void {
  const { tallies, findings } = open;
  for (const id of idsOf(costs, open.costs)) {
    const [row, due] = [costs.get(id) ?? 0n, open.costs.get(id) ?? 0n];
    if (row !== due) {
      const problem = `its executions cost ${formatMoney(row)} in the read model, ${money(due)}`;
      findings.add('I4', `organization-${id}`, problem);
    }
  }
  for (const id of idsOf(executions, tallies)) {
    const difference = differenceOf(executions.get(id), tallies.get(id));
    if (difference)
      findings.add('I1', `organization-${id}`, `executions in the read model, log: ${difference}`);
  }
}

function compareDeliveries({ deliveries }: ReadModels, open: OpenItems): void {
  const difference = differenceOf(deliveries, open.deliveryTally);
  if (difference)
    open.findings.add('I5', 'deliveries', `deliveries in the read model, log: ${difference}`);
}

/** I8: the numbers of a feed are those from 1 to the count of its events, in the log's order. */
function compareFeeds({ feeds }: ReadModels, { fed, findings }: OpenItems): void {
  for (const id of idsOf(feeds, fed)) {
    const { events = 0n, first = 1n, last = 0n, disordered = 0n } = feeds.get(id) ?? {};
    const wrong = (problem: string) => findings.add('I8', `organization-${id}`, problem);
    const due = BigInt(fed.get(id) ?? 0);
    if (events !== due) wrong(`its feed has ${events} events, and the log ${due} for it`);
    else if (first !== 1n || last !== events)
      wrong(`the ${events} events of its feed have the numbers ${first} to ${last}`);
    else if (disordered > 0n) wrong(`${disordered} events of its feed are not in the log's order`);
  }
}

/** `COMPLETED 4, 5; FAILED 1, 0` where they differ; empty where they do not. */
function differenceOf(
  is: ReadonlyMap<string, number> = new Map(),
  should: ReadonlyMap<string, number> = new Map(),
): string {
  return [...new Set([...is.keys(), ...should.keys()])]
    .map((status) => [status, is.get(status) ?? 0, should.get(status) ?? 0] as const)
    .filter(([, row, log]) => row !== log)
    .map(([status, row, log]) => `${status} ${row}, ${log}`)
    .join('; ');
}

const idsOf = (
  a: ReadonlyMap<OrganizationId, unknown>,
  b: ReadonlyMap<OrganizationId, unknown>,
): ReadonlySet<OrganizationId> => new Set([...a.keys(), ...b.keys()]);
