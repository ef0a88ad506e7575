/** An organization that a command names: an id of that kind, and one of the log. */
import { isId, type OrganizationId } from '../contracts/ids.js';
import { streamOf } from '../contracts/streams.js';
import type { EventStore } from '../infra/event-store/port.js';
import { StartError } from '../infra/start-error.js';

/** Throws `StartError` for what is no id. */
export function organizationIdIn(text: string): OrganizationId {
  if (isOrganizationId(text)) return text;
  throw new StartError(`'${text}' is no organization's id: they are org_<uuid>.`);
}

const isOrganizationId = (text: string): text is OrganizationId => isId('org', text);

/** Throws `StartError` for one that was never created: a slip of the pen looks like it. */
export async function expectOrganization(
  store: Pick<EventStore, 'readStream'>,
  id: OrganizationId,
): Promise<void> {
  const [first] = await store.readStream(streamOf('organization', id), { limit: 1 });
  if (!first) throw new StartError(`There is no organization ${id}.`);
}
