import { eventStoreContract } from './contract.js';
import { openPostgresHarness } from './postgres/harness.js';

eventStoreContract('postgres', openPostgresHarness);
