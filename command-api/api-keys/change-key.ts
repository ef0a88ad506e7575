/** Changes the name and the limits of an API key; never beyond those of the key that asks. */
import type { ChangeApiKeyBody } from '../../contracts/http/api-keys.js';
import type { ApiKeyId } from '../../contracts/ids.js';
import type { State } from '../../domain/api-key/api-key.js';
import { keyBody } from '../../domain/api-key/key-body.js';
import { limitBeyond } from './limit-beyond.js';
import { Refusal, type Reply } from '../../http/server/route.js';
import type { Commands } from '../command-infra.js';
import { refused } from '../refusals.js';
import { beyond, type KeyAsker } from './key-asker.js';
import { changedLimits, limitsIn } from './limits-in.js';

/** A limit that is not asked for stays, also where it is wider than that of the key that asks. */
export async function changeKey(
  commands: Commands,
  { organizationId, metadata, key: asking }: KeyAsker,
  keyId: ApiKeyId,
  body: ChangeApiKeyBody,
): Promise<Reply | Refusal> {
  const at = new Date(commands.now()).toISOString();
  const asked = limitsIn(commands, body, at);
  const own = asking?.limits ?? {};
  const wider = limitBeyond(changedLimits(own, asked), own);
  if (wider) return beyond(wider);
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

/** Of a key that is refused all the same. */
const NOTHING = { name: '', limits: {} };
