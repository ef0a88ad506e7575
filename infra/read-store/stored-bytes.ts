/**
 * How much is stored for each organization, in memory: what the projection `storage` has counted
 * up to a position, and what this process accepted behind it.
 *
 *   used = counted up to P  +  landed here behind P  +  reserved here and not answered yet
 *
 * So one process never lets an organization past its quota with inputs. Another process's inputs
 * count `EVERY_MS` and the projection's lag later; outputs of what was accepted are always stored.
 */
import type { Pool } from 'pg';
import type { OrganizationId } from '../../contracts/ids.js';
import { refreshOnUse } from '../concurrency/refresh-on-use.js';
import { START, type Position } from '../event-store/port.js';
import { rowsOf } from './reading.js';
import { amount, count } from './table.js';
import { organizationOf } from './tables/organization-quotas.js';

export interface StoredBytes {
  /** Whether so many bytes more fit. Then they are reserved until they landed or are released. */
  reserve(organizationId: OrganizationId, bytes: number, bytesMax: number): boolean;
  /** The event that names the reserved bytes is in the log, at or before `position`. */
  landed(organizationId: OrganizationId, bytes: number, position: Position): void;
  /** No event names the reserved bytes. */
  release(organizationId: OrganizationId, bytes: number): void;
  /** Throws `StoreUnavailable`. */
  refresh(): Promise<void>;
}

/** What landed between two refreshes; `position` is the last of theirs. */
interface Part {
  round: number;
  bytes: number;
  position: Position;
}

/** What this process accepted for one organization; the oldest part first. */
interface Own {
  reserved: number;
  readonly parts: Part[];
}

const EVERY_MS = 2_000;
/** While the projection stands still, the oldest parts become one. */
const PARTS_MAX = 16;

export function openStoredBytes(
  pool: Pick<Pool, 'query'>,
  onError: (error: unknown) => void,
): StoredBytes {
  const counted = new Map<OrganizationId, number>();
  const own = new Map<OrganizationId, Own>();
  let countedUpTo = START;
  let round = 0;

  const refreshing = refreshOnUse({
    async refresh() {
      const values = [countedUpTo];
      const rows = await rowsOf(pool, { name: 'stored bytes', text: ROWS, values });
      for (const row of rows) {
        countedUpTo = amount(row, 'counted_up_to');
        if (row['bytes'] !== null) counted.set(organizationOf(row), count(row, 'bytes'));
      }
      for (const [organizationId, one] of own) {
        while (one.parts[0] && one.parts[0].position <= countedUpTo) one.parts.shift();
        if (isNothing(one)) own.delete(organizationId);
      }
      round += 1;
    },
    everyMs: EVERY_MS,
    onError,
  });

  function ownOf(organizationId: OrganizationId): Own {
    const one = own.get(organizationId) ?? { reserved: 0, parts: [] };
    own.set(organizationId, one);
    return one;
  }

  function release(organizationId: OrganizationId, bytes: number): void {
    const one = ownOf(organizationId);
    one.reserved -= bytes;
    if (isNothing(one)) own.delete(organizationId);
  }

  return {
    reserve(organizationId, bytes, bytesMax) {
      refreshing.used();
      const one = own.get(organizationId);
      const used = (counted.get(organizationId) ?? 0) + (one ? sumOf(one) : 0);
      if (used + bytes > bytesMax) return false;
      (one ?? ownOf(organizationId)).reserved += bytes;
      return true;
    },
    landed(organizationId, bytes, position) {
      if (position > countedUpTo) note(ownOf(organizationId).parts, { round, bytes, position });
      release(organizationId, bytes);
    },
    release,
    refresh: () => refreshing.refresh(),
  };
}

const sumOf = ({ reserved, parts }: Own): number =>
  parts.reduce((sum, { bytes }) => sum + bytes, reserved);

const isNothing = ({ reserved, parts }: Own): boolean => reserved === 0 && parts.length === 0;

function note(parts: Part[], landed: Part): void {
  const last = parts.at(-1);
  if (last?.round === landed.round) merge(last, landed);
  else parts.push(landed);
  const [first, second] = parts;
  if (parts.length > PARTS_MAX && first && second) {
    merge(second, first);
    parts.shift();
  }
}

function merge(into: Part, { bytes, position }: Part): void {
  into.bytes += bytes;
  if (position > into.position) into.position = position;
}

/** Rows and position are of one moment. */
const ROWS = `
  SELECT p.position AS counted_up_to, s.organization_id, s.bytes
  FROM readmodel.projections p
  LEFT JOIN readmodel.stored_bytes s ON s.position > $1
  WHERE p.name = 'storage'`;
