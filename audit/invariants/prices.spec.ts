import { expect } from 'chai';
import type { PriceEntry, PriceTierEntry } from '../../contracts/catalogue/price-units.js';
import type { Usage } from '../../contracts/events/execution.js';
import { openAudit } from '../audit.js';
import { openFindings } from '../findings.js';
import { openStory, START_MS } from '../testing/story.js';

interface Paid {
  readonly cost: bigint;
  readonly usage: Usage;
  readonly price: PriceEntry;
  readonly tiers?: readonly PriceTierEntry[];
  readonly route?: string;
  readonly version?: string;
}

/** What is found of an execution that cost so much, where `aurora-text` was promised at `price`. */
function foundIn({ cost, usage, price, tiers, route = 'aurora-text', version = '1' }: Paid) {
  const story = openStory();
  story.deposit(100_000n);
  story.publish('1', 'text-generation-standard', { 'aurora-text': price }, tiers);
  const id = story.execution();
  const holdId = story.place(id, 30_000n);
  story.request(id, holdId, 30_000n, { catalogueVersion: version });
  story.dispatch(id, 1, { route });
  story.complete(id, holdId, cost, { usage });
  story.settle(id, holdId, [cost, 30_000n - cost]);
  const findings = openFindings();
  const { see, end } = openAudit(findings);
  story.events.forEach(see);
  end({ nowMs: START_MS + story.events.length * 1_000, settled: false });
  return findings.kept.map(({ invariant, problem }) => `${invariant} ${problem}`);
}

describe('the audit of prices', () => {
  it('finds a price that was not promised', () => {
    const price = { per_request: '0.004', per_1k_output_tokens: '0.0015' };
    const paid = (cost: bigint, route: string, version = '1') =>
      foundIn({ cost, usage: { outputTokens: 3 }, price, route, version });
    expect(paid(4_005n, 'aurora-text')).to.deep.equal([]);
    const more = 'I4 its price is 0.005, and 0.004005 by the prices of 1';
    expect(paid(5_000n, 'aurora-text')).to.deep.equal([more]);
    expect(paid(5_000n, 'aurora-text', 'of a release before')).to.deep.equal([]);
    expect(paid(3_000n, 'a newer one')).to.deep.equal([]);
    expect(paid(4_005n, 'a newer one')).to.deep.equal([]);
    const most = 'I4 its price is 0.005, and no route costs as much by the prices of 1';
    expect(paid(5_000n, 'a newer one')).to.deep.equal([most]);
  });

  it('counts a request by the tier that it is in', () => {
    const price = { per_1k_input_tokens: '1.00' };
    const tiers = [{ above_input_tokens: 10, per_1k_input_tokens: '2.00' }];
    const paid = (cost: bigint, inputTokens: number) =>
      foundIn({ cost, usage: { inputTokens }, price, tiers });
    expect(paid(10_000n, 10)).to.deep.equal([]);
    expect(paid(22_000n, 11)).to.deep.equal([]);
    const less = 'I4 its price is 0.011, and 0.022 by the prices of 1';
    expect(paid(11_000n, 11)).to.deep.equal([less]);
  });
});
