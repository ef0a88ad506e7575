import { requestLimitsContract } from './contract.js';
import { openMemoryRequestLimits } from './memory.js';

requestLimitsContract('memory', async () => ({
  limits: openMemoryRequestLimits(),
  close: async () => undefined,
}));
