/**
 * Secrets are derived from the instance's master key, so that neither the log nor a read model nor
 * a dump of the database holds one.
 */
import { createHmac } from 'node:crypto';
import type { OrganizationId } from '../contracts/ids.js';

export interface Secrets {
  /** `whsec_<base64 of 32 bytes>`: signs an organization's webhooks. */
  webhookSecret(organizationId: OrganizationId): string;
  /** Signs requests between processes of this system. */
  readonly internalKey: string;
  /** Encrypts the cursors of lists; 32 bytes. */
  readonly cursorKey: Buffer;
  /** Authenticates the callback URLs of attempts; 32 bytes. */
  readonly callbackKey: Buffer;
  /** Seals links to files; 32 bytes. */
  readonly fileLinkKey: Buffer;
}

export const openSecrets = (masterKey: string): Secrets => ({
  webhookSecret: (organizationId) =>
    `whsec_${createHmac('sha256', masterKey)
      .update(`webhook-secret/1/${organizationId}`)
      .digest('base64')}`,
  internalKey: createHmac('sha256', masterKey).update('internal-requests/1').digest('base64'),
  cursorKey: createHmac('sha256', masterKey).update('list-cursors/1').digest(),
  callbackKey: createHmac('sha256', masterKey).update('callback-urls/1').digest(),
  fileLinkKey: createHmac('sha256', masterKey).update('file-links/1').digest(),
});
