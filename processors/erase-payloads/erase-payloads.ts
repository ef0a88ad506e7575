/**
 * Removes what an erasure left behind: who recorded it removes its contents at once, and may die
 * meanwhile. Here they are removed again, which changes nothing where they are gone.
 */
import type { PayloadsErased } from '../../contracts/events/erasure.js';
import { removeErased } from '../../command-handling/erase-payloads.js';
import { readEvents } from '../../command-handling/streams.js';
import type { Group } from '../../infra/event-bus/port.js';
import type { Infra } from '../../runtime/infra.js';
import { metadataOf } from '../command-metadata.js';

const NAME = 'erase-payloads';

export const erasePayloads = (infra: Infra): Group => ({
  name: NAME,
  categories: ['erasure'],
  subscribesTo: ['PayloadsErased'],
  concurrencyMax: 16,
  attemptsMax: 30,
  async handle(notification) {
    const { stream } = notification;
    const [event] = await readEvents<PayloadsErased>(infra.store, stream, { limit: 1 });
    if (!event) throw new Error(`${stream} has no event`);
    const metadata = metadataOf(NAME, event.data.executionId, notification);
    await removeErased(infra, event.data, metadata);
    return 'removed';
  },
});
