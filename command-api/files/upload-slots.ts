/**
 * How many uploads one process takes at a time, and how large they may be; each has a little of its
 * memory while its bytes come, from a caller or from the bucket.
 */
import type { OrganizationId } from '../../contracts/ids.js';
import { Refusal } from '../../http/server/route.js';

export const UPLOAD_BYTES_MAX = 150 * 1024 * 1024;

export interface UploadSlots {
  /** A refusal where there is none; who was given one releases it once. */
  take(organizationId: OrganizationId): Refusal | undefined;
  release(organizationId: OrganizationId): void;
}

const UPLOADS_MAX = 32;
/** Of one organization, so that others find a place. */
const SHARE_MAX = 8;

export function openUploadSlots(): UploadSlots {
  const shares = new Map<OrganizationId, number>();
  let all = 0;
  return {
    take(organizationId) {
      const share = shares.get(organizationId) ?? 0;
      if (share >= SHARE_MAX) return tooMany('RATE_LIMITED');
      if (all >= UPLOADS_MAX) return tooMany('SERVICE_UNAVAILABLE');
      shares.set(organizationId, share + 1);
      all += 1;
      return undefined;
    },
    release(organizationId) {
      const share = shares.get(organizationId) ?? 0;
      if (share > 1) shares.set(organizationId, share - 1);
      else shares.delete(organizationId);
      all -= 1;
    },
  };
}

const tooMany = (code: 'RATE_LIMITED' | 'SERVICE_UNAVAILABLE'): Refusal =>
  new Refusal(code, 'Too many uploads at a time; try again in a moment.', undefined, {
    'retry-after': '5',
  });
