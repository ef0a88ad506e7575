import { leasesContract } from './contract.js';
import { openMemoryLeases } from './memory.js';

leasesContract('memory', async () => ({
  leases: openMemoryLeases(),
  close: async () => undefined,
}));
