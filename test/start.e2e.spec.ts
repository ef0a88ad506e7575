/** The first minute: an empty folder, one command, a picture on disk; then the same again. */
import { firstMinute } from './testing/first-minute.js';
import { systemInSuite } from '../testing/system-in-suite.js';

describe('starting for the first time', function () {
  this.timeout(60_000);
  const system = systemInSuite({ env: { MODELROUTE_DEMO: '1' } });
  firstMinute(system, 10_000);
});
