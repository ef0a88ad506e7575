import { eventStoreContract } from './testing/contract.js';
import { openPostgresHarness } from './postgres/testing/harness.js';

eventStoreContract('postgres', openPostgresHarness);
