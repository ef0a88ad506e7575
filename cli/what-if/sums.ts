/** What executions earned and cost by model and provider, today and as proposed. */
import type { Catalogue } from '../../contracts/catalogue/catalogue.js';
import { formatMoney, type Micros } from '../../contracts/money.js';
import { chargeOf } from '../../domain/execution/charge.js';
import { proposalFor, type Recorded } from './proposal.js';

interface Money {
  readonly executions: number;
  readonly revenue: string;
  readonly cost: string;
  readonly margin: string;
}

export interface Line {
  readonly model: string;
  readonly provider: string;
  readonly today: Money;
  readonly proposed: Money;
}

interface Sum {
  executions: number;
  revenue: Micros;
  cost: Micros;
}

interface Pair {
  readonly model: string;
  readonly provider: string;
  readonly today: Sum;
  readonly proposed: Sum;
}

export function openSums(catalogue: Catalogue) {
  const pairs = new Map<string, Pair>();
  const total = { today: nothing(), proposed: nothing() };
  const refused: Record<string, number> = {};
  let [executions, elsewhere] = [0, 0];

  function pairOf(model: string, provider: string): Pair {
    const name = `${model} ${provider}`;
    const known = pairs.get(name) ?? { model, provider, today: nothing(), proposed: nothing() };
    pairs.set(name, known);
    return known;
  }

  return {
    add(recorded: Recorded): void {
      const { request, last, completed } = recorded;
      const model = last.model ?? request.model;
      const revenue = chargeOf(completed, request.holdAmount).cost;
      const { providerCost: cost } = completed;
      executions += 1;
      for (const sum of [pairOf(model, last.provider).today, total.today])
        addTo(sum, revenue, cost);
      const proposal = proposalFor(catalogue, recorded);
      if ('refused' in proposal) {
        refused[proposal.refused] = (refused[proposal.refused] ?? 0) + 1;
        return;
      }
      if (proposal.provider !== last.provider || proposal.model !== model) elsewhere += 1;
      for (const sum of [pairOf(proposal.model, proposal.provider).proposed, total.proposed])
        addTo(sum, proposal.revenue, proposal.cost);
    },
    result: () => ({
      executions,
      elsewhere,
      refused,
      today: moneyOf(total.today),
      proposed: moneyOf(total.proposed),
      lines: [...pairs]
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([, { model, provider, today, proposed }]): Line => {
          return { model, provider, today: moneyOf(today), proposed: moneyOf(proposed) };
        }),
    }),
  };
}

const nothing = (): Sum => ({ executions: 0, revenue: 0n, cost: 0n });

function addTo(sum: Sum, revenue: Micros, cost: Micros): void {
  sum.executions += 1;
  sum.revenue += revenue;
  sum.cost += cost;
}

const moneyOf = ({ executions, revenue, cost }: Sum): Money => ({
  executions,
  revenue: formatMoney(revenue),
  cost: formatMoney(cost),
  margin: formatMoney(revenue - cost),
});
