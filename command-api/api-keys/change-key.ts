/** Changes the name and the limits of an API key; never beyond those of the key that asks. */
import type { ChangeApiKeyBody } from '../../contracts/http/api-keys.js';
import type { ApiKeyId } from '../../contracts/ids.js';
import type { State } from '../../domain/api-key/api-key.js';
import { keyBody } from '../../domain/api-key/key-body.js';
import { limitBeyond } from './limit-beyond.js';
import { Refusal, type Reply } from '../../http/server/route.js';
import type { Commands } from '../command-infra.js';
import { refused } from '../refusals.js';
import { beyond, ownKey, type KeyAsker } from './key-asker.js';
import { changedLimits, limitsIn } from './limits-in.js';

/**
 * A limit that is not asked for stays. The limits of a key that may do more than the one that asks
 * are not its to change: to narrow them to nothing would be to delete it.
 */
export async function changeKey(
  commands: Commands,
  asker: KeyAsker,
  keyId: ApiKeyId,
  body: ChangeApiKeyBody,
): Promise<Reply | Refusal> {
  const { organizationId, metadata, key: asking } = asker;
  const at = new Date(commands.now()).toISOString();
  const asked = limitsIn(commands, body, at);
  const own = asking?.limits ?? {};
  const wider = limitBeyond(changedLimits(own, asked), own);
  if (wider) return beyond(wider);
  const present = asking && hasLimits(asked) ? await ownKey(commands, asker, keyId) : undefined;
  const freer = present && asking && limitBeyond(present.limits, asking.limits);
  if (freer) return beyond(freer);
  const changeOf = (state: State) => {
    const { name, limits } = state.status === 'active' ? state.key : NOTHING;
    const next = { name: body.name ?? name, limits: changedLimits(limits, asked) };
    return { type: 'Change', organizationId, ...next, at } as const;
  };
  const changed = await commands.apiKeys.transact(keyId, changeOf, metadata);
  if (changed.outcome === 'rejected') return refused(changed.reason);
  if (changed.state.status !== 'active') return new Refusal('NOT_FOUND');
  return {
    status: 200,
    body: keyBody(changed.state.key),
    logFields: { organizationId, keyId },
  };
}

const hasLimits = (asked: object): boolean => Object.keys(asked).length > 0;

/** Of a key that is refused all the same. */
const NOTHING = { name: '', limits: {} };
