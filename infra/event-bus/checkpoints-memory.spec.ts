import { checkpointsContract } from './checkpoints-contract.js';
import { openMemoryCheckpoints } from './checkpoints-memory.js';

checkpointsContract('memory', async () => ({
  checkpoints: openMemoryCheckpoints(),
  close: async () => undefined,
}));
