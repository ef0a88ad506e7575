import { limitSharesContract } from './contract.js';
import { openMemoryLimitShares } from './memory.js';

limitSharesContract('memory', async () => ({
  shares: openMemoryLimitShares(),
  close: async () => undefined,
}));
