/**
 * Secrets are derived from the instance's master key, so that neither the log nor a read model nor
 * a dump of the database holds one.
 */
import { createHmac, hkdfSync } from 'node:crypto';
import type { OrganizationId, WebhookEndpointId } from '../contracts/ids.js';
import { openRecentMap } from './recent-map.js';

export interface Secrets {
  /**
   * `whsec_<base64 of 32 bytes>`: signs what goes to the `webhook_url` of executions. A rotation
   * counts the generation up.
   */
  webhookSecret(organizationId: OrganizationId, generation?: number): string;
  /** Of the same form: signs what goes to one endpoint. */
  endpointSecret(endpointId: WebhookEndpointId, generation: number): string;
  /** Seals the custom headers of endpoints; 32 bytes. */
  readonly endpointHeadersKey: Buffer;
  /** Digests idempotency keys and what was asked under them, where it may hold a credential. */
  readonly requestKey: Buffer;
  /** Signs requests between processes of this system. */
  readonly internalKey: string;
  /** Encrypts the cursors of lists; 32 bytes. */
  readonly cursorKey: Buffer;
  /** Authenticates the callback URLs of attempts; 32 bytes. */
  readonly callbackKey: Buffer;
  /** Seals links to files; 32 bytes. */
  readonly fileLinkKey: Buffer;
  /** What the salts of the proof's leaves follow from; 32 bytes. */
  readonly leafSaltsKey: Buffer;
  /** Under which the data keys of organizations are stored; 32 bytes. */
  readonly dataKeysKey: Buffer;
}

/** Signing secrets that are needed for each delivery. */
const REMEMBERED = { costMax: 20_000, entriesMax: 20_000 };

export function openSecrets(masterKey: string): Secrets {
  const remembered = openRecentMap<string, string>(REMEMBERED);
  const secretOf = (name: string): string => {
    const known = remembered.get(name);
    if (known !== undefined) return known;
    const secret = signingSecret(masterKey, name);
    remembered.set(name, secret, 1);
    return secret;
  };
  return {
    webhookSecret: (organizationId, generation = 1) =>
      secretOf(`webhook-secret/${generation}/${organizationId}`),
    endpointSecret: (endpointId, generation) =>
      secretOf(`endpoint-secret/${generation}/${endpointId}`),
    ...derivedKeys(masterKey),
  };
}

const derivedKeys = (masterKey: string) => ({
  endpointHeadersKey: createHmac('sha256', masterKey).update('endpoint-headers/1').digest(),
  requestKey: createHmac('sha256', masterKey).update('keyed-requests/1').digest(),
  internalKey: createHmac('sha256', masterKey).update('internal-requests/1').digest('base64'),
  cursorKey: createHmac('sha256', masterKey).update('list-cursors/1').digest(),
  callbackKey: createHmac('sha256', masterKey).update('callback-urls/1').digest(),
  fileLinkKey: createHmac('sha256', masterKey).update('file-links/1').digest(),
  leafSaltsKey: createHmac('sha256', masterKey).update('leaf-salts/1').digest(),
  dataKeysKey: Buffer.from(hkdfSync('sha256', masterKey, '', 'data-keys/1', 32)),
});

/** Of an installation of several processes that share a master key and have no other. */
export const derivedCheckpointKey = (masterKey: string): string =>
  createHmac('sha256', masterKey).update('checkpoint-key/1').digest('hex');

/** The 32 bytes of the private key that signs checkpoints. */
export const signingSeed = (checkpointKey: string): Buffer =>
  createHmac('sha256', checkpointKey).update('checkpoint-signing/1').digest();

const signingSecret = (masterKey: string, name: string): string =>
  `whsec_${createHmac('sha256', masterKey).update(name).digest('base64')}`;
