/**
 * Removes what is stored for an organization once its erasure is recorded, whoever recorded it:
 * that one may have died before the first step. All of it may be done again.
 */
import type { OrganizationErased } from '../../contracts/events/organization.js';
import { endAccess, removeContents } from '../../command-handling/erase-organization.js';
import { readEvents } from '../../command-handling/streams.js';
import type { Group } from '../../infra/event-bus/port.js';
import type { Infra } from '../../runtime/infra.js';
import { metadataOf } from '../command-metadata.js';

const NAME = 'erase-organizations';

export const eraseOrganizations = (infra: Infra): Group => ({
  name: NAME,
  categories: ['organization'],
  subscribesTo: ['OrganizationErased'],
  concurrencyMax: 1,
  attemptsMax: 30,
  async handle(notification, signal) {
    const { stream, revision } = notification;
    const options = { fromRevision: revision, limit: 1 };
    const [event] = await readEvents<OrganizationErased>(infra.store, stream, options);
    if (!event) throw new Error(`${stream} has no event ${revision}`);
    const { organizationId } = event.data;
    const metadata = metadataOf(NAME, organizationId, notification);
    await endAccess(infra, { organizationId, metadata });
    const say = (line: string) => infra.log.info({ organizationId }, line);
    await removeContents(infra, { organizationId, metadata, signal, say });
    return 'removed';
  },
});
