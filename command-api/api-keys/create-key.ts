/** Creates an API key, within what the key that asks for it may do itself. */
import { randomBytes } from 'node:crypto';
import type { CreateApiKeyBody } from '../../contracts/http/api-keys.js';
import { keyBody } from '../../domain/api-key/key-body.js';
import { limitBeyond } from './limit-beyond.js';
import { apiKeyText } from '../../http/server/api-key-text.js';
import type { Refusal, Reply } from '../../http/server/route.js';
import type { Commands } from '../command-infra.js';
import { refused } from '../refusals.js';
import { grantKey } from './grant-key.js';
import { beyond, type KeyAsker } from './key-asker.js';
import { changedLimits, limitsIn } from './limits-in.js';

/** A limit that is not asked for is that of the key that asks. */
export async function createKey(
  commands: Commands,
  { organizationId, metadata, key: granter }: KeyAsker,
  body: CreateApiKeyBody,
): Promise<Reply | Refusal> {
  const { name, permission = 'FULL' } = body;
  const createdAt = new Date(commands.now()).toISOString();
  const own = granter?.limits ?? {};
  const limits = changedLimits(own, limitsIn(commands, body, createdAt));
  const wider = limitBeyond(limits, own);
  if (wider) return beyond(wider);
  const key = apiKeyText(randomBytes(32));
  const about = { name, permission, limits };
  const granted = await grantKey(commands, organizationId, key, about, createdAt, metadata);
  if ('reason' in granted) return refused(granted.reason);
  const { keyId } = granted;
  return {
    status: 201,
    body: { ...keyBody({ keyId, ...about, createdAt }), key },
    logFields: { organizationId, keyId },
  };
}
