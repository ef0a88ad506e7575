import { proofStoreContract } from './contract.js';
import { openMemoryProofStore } from './memory.js';

proofStoreContract('memory', async () => ({
  proofs: openMemoryProofStore(),
  close: async () => undefined,
}));
