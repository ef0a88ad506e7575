import { slotSharesContract } from './contract.js';
import { openMemorySlotShares } from './memory.js';

slotSharesContract('memory', async () => ({
  shares: openMemorySlotShares(),
  close: async () => undefined,
}));
