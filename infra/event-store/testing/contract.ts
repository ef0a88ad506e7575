/**
 * What every event store must do: the port's promises, one case each. An adapter is what passes all
 * of it; what it cannot take part in by its nature it says itself, and the case prints why.
 */
import {
  concurrencyContract,
  expectedRevisionContract,
  repeatContract,
  unitContract,
} from './contract/appends.js';
import {
  contentsContract,
  overloadContract,
  payloadContract,
  poisonContract,
} from './contract/contents.js';
import type { OpenHarness } from './contract/harness.js';
import { processContract } from './contract/processes.js';
import {
  logContract,
  snapshotContract,
  strangersContract,
  streamContract,
} from './contract/reads.js';
import {
  outageContract,
  subscriberContract,
  subscriptionContract,
  wakingContract,
} from './contract/subscriptions.js';

/** Each group of cases is given a harness of its own, over an empty log. */
export function eventStoreContract(name: string, open: OpenHarness): void {
  describe(`event store contract: ${name}`, () => {
    expectedRevisionContract(open);
    unitContract(open);
    repeatContract(open);
    concurrencyContract(open);
    contentsContract(open);
    poisonContract(open);
    payloadContract(open);
    overloadContract(open);
    streamContract(open);
    logContract(open);
    snapshotContract(open);
    strangersContract(open);
    subscriptionContract(open);
    wakingContract(open);
    subscriberContract(open);
    outageContract(open);
    processContract(open);
  });
}
