/** The signatures of a delivery; the raw body is what is signed. */
import { createHmac } from 'node:crypto';

interface Signed {
  readonly eventId: string;
  readonly body: string;
  /** `whsec_<base64>`: the one that holds first, then those that it replaced within the day. */
  readonly secrets: readonly [string, ...string[]];
  /** Unix seconds of this attempt. */
  readonly timestampSeconds: number;
}

/**
 * `X-Signature`: hex HMAC-SHA256 keyed by the secret string over "{timestamp}.{body}", by the
 * secret that holds; `X-Signature-Previous`: the same by those that were replaced, where there are.
 * `webhook-signature`: Standard Webhooks 1.0.0, base64 HMAC-SHA256 keyed by the decoded secret over
 * "{id}.{timestamp}.{body}", by each secret.
 */
export function signatureHeaders({ eventId, body, secrets, timestampSeconds }: Signed) {
  const timestamp = String(timestampSeconds);
  const [plain, ...previous] = secrets.map((secret) =>
    createHmac('sha256', secret).update(`${timestamp}.${body}`).digest('hex'),
  );
  return {
    'x-signature': plain ?? '',
    'x-signature-timestamp': timestamp,
    ...(previous.length > 0 && { 'x-signature-previous': previous.join(' ') }),
    'webhook-id': eventId,
    'webhook-timestamp': timestamp,
    'webhook-signature': secrets
      .map((secret) => standard(secret, eventId, timestamp, body))
      .join(' '),
  };
}

function standard(secret: string, eventId: string, timestamp: string, body: string): string {
  const key = Buffer.from(secret.replace(/^whsec_/, ''), 'base64');
  const signed = `${eventId}.${timestamp}.${body}`;
  return `v1,${createHmac('sha256', key).update(signed).digest('base64')}`;
}
