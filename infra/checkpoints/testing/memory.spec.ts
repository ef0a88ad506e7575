import { checkpointsContract } from './contract.js';
import { openMemoryCheckpoints } from './memory.js';

checkpointsContract('memory', async () => ({
  checkpoints: openMemoryCheckpoints(),
  close: async () => undefined,
}));
