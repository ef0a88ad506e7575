/** Both signatures of a delivery; the raw body is what is signed. */
import { createHmac } from 'node:crypto';

export interface Signed {
  readonly eventId: string;
  readonly body: string;
  /** `whsec_<base64>`. */
  readonly secret: string;
  /** Unix seconds of this attempt. */
  readonly timestampSeconds: number;
}

/**
 * `X-Signature`: hex HMAC-SHA256 keyed by the secret string over "{timestamp}.{body}".
 * `webhook-signature`: Standard Webhooks 1.0.0, base64 HMAC-SHA256 keyed by the decoded secret over
 * "{id}.{timestamp}.{body}".
 */
export function signatureHeaders({ eventId, body, secret, timestampSeconds }: Signed) {
  const timestamp = String(timestampSeconds);
  const key = Buffer.from(secret.replace(/^whsec_/, ''), 'base64');
  const plain = createHmac('sha256', secret).update(`${timestamp}.${body}`).digest('hex');
  const standard = createHmac('sha256', key)
    .update(`${eventId}.${timestamp}.${body}`)
    .digest('base64');
  return {
    'x-signature': plain,
    'x-signature-timestamp': timestamp,
    'webhook-id': eventId,
    'webhook-timestamp': timestamp,
    'webhook-signature': `v1,${standard}`,
  };
}
