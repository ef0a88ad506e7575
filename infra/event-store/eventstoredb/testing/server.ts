/** The event store server that specs share: the double, once for a test process. */
import { atEnd } from '../../../../testing/at-end.js';
import { temporaryFolder } from '../../../../testing/folders.js';
import { startEventStoreDouble, type EventStoreDouble } from '../../testing/double/double.js';

/** Started when it is first wanted. Specs begin behind its head, and leave its knobs alone. */
export function sharedDouble(): Promise<EventStoreDouble> {
  return (shared ??= start());
}

let shared: Promise<EventStoreDouble> | undefined;

async function start(): Promise<EventStoreDouble> {
  const folder = await temporaryFolder();
  const double = await startEventStoreDouble({ dir: folder.dir });
  atEnd(async () => {
    await double.close();
    await folder.remove();
  });
  return double;
}

/** A real server, when one is named: its specs run beside those of the double. */
export const realEventStoreUrl = process.env['EVENTSTORE_URL'];
