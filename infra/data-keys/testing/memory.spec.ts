import { dataKeysContract } from './contract.js';
import { openMemoryDataKeys } from './memory.js';

dataKeysContract('memory', async () => {
  const keys = openMemoryDataKeys();
  return { keys, other: keys, close: async () => undefined };
});
