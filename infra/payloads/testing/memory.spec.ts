import { payloadsContract } from './contract.js';
import { openMemoryPayloads } from './memory.js';

payloadsContract('memory', async () => ({
  payloads: openMemoryPayloads(),
  close: async () => undefined,
}));
