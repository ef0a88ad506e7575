/** One double for a `describe`, in a folder of its own, and a client that is connected to it. */
import { EventStoreDBClient } from '@eventstore/db-client';
import { temporaryFolder } from '../../../../testing/folders.js';
import type { Behaviour } from './behaviour.js';
import { startEventStoreDouble, type EventStoreDouble } from './double.js';

interface Opened {
  /** Of its log. */
  readonly dir: string;
  readonly double: EventStoreDouble;
  readonly client: EventStoreDBClient;
}

/** Hands them over before the first spec; what a spec puts in their place it closes itself. */
export function doubleInSuite(handOver: (opened: Opened) => void, behaviour?: Behaviour): void {
  const endings: (() => Promise<void>)[] = [];
  before(async () => {
    const folder = await temporaryFolder();
    endings.unshift(() => folder.remove());
    const { dir } = folder;
    const double = await startEventStoreDouble({ dir, ...(behaviour && { behaviour }) });
    endings.unshift(() => double.close());
    const client = EventStoreDBClient.connectionString(double.url);
    endings.unshift(() => client.dispose());
    handOver({ dir, double, client });
  });
  after(async () => {
    for (const end of endings) await end();
  });
}
