/** A whole cluster on this machine, in small; `make storm` has the big numbers. */
import { firstMinute } from '../support/first-minute.js';
import { clusterInSuite } from './in-suite.js';

describe('a cluster', function () {
  this.timeout(60_000);
  const system = clusterInSuite({ MODELROUTE_DEMO: '1' });

  describe('starting for the first time', () => {
    firstMinute(system, 30_000);
  });
});
