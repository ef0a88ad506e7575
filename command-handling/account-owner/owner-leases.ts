/**
 * Who owns a contested account: leases in PostgreSQL, table `deciding.account_owners`, measured by
 * the database's clock alone. A lease names the address to which other processes forward commands.
 */
import type { StreamName } from '../../contracts/streams.js';
import { openBoundedPool } from '../../infra/postgres/bounded-pool.js';

export interface OwnerLease {
  readonly holder: string;
  /** `host:port` of the holder's internal listener. */
  readonly address: string;
  /** Grows with every grant of the stream's lease. */
  readonly token: string;
}

type GrantedLease = readonly [stream: StreamName, token: string];

/** Every call throws within `ANSWER_MS` when the database does not answer. */
export interface OwnerLeases {
  /** The lease as it is now; its holder is the asking one if nobody had an unexpired lease. */
  acquire(stream: StreamName): Promise<OwnerLease | undefined>;
  /** The streams whose leases are still this holder's, for another `LEASE_MS`. */
  renew(leases: readonly GrantedLease[]): Promise<ReadonlySet<StreamName>>;
  release(leases: readonly GrantedLease[]): Promise<void>;
  close(): Promise<void>;
}

/** A process that is frozen or cut off owns nothing after this. */
export const LEASE_MS = 1_500;
const ANSWER_MS = 1_000;

export function openOwnerLeases(
  url: string,
  { holder, address }: Pick<OwnerLease, 'holder' | 'address'>,
): OwnerLeases {
  const pool = openBoundedPool(url, {
    max: 2,
    applicationName: 'modelroute account-owner',
    // The query that needed a lost connection reports it.
    log: { warn: () => undefined },
    timeoutMs: ANSWER_MS,
  });
  return {
    async acquire(stream) {
      const { rows } = await pool.query<OwnerLease>({
        name: 'acquire-account-owner',
        text: ACQUIRE,
        values: [stream, holder, address, LEASE_MS],
      });
      return rows[0];
    },
    async renew(leases) {
      const { rows } = await pool.query<{ stream: StreamName }>({
        name: 'renew-account-owner',
        text: RENEW,
        values: [...columnsOf(leases), holder, LEASE_MS],
      });
      return new Set(rows.map(({ stream }) => stream));
    },
    async release(leases) {
      await pool.query(RELEASE, [...columnsOf(leases), holder]);
    },
    close: () => pool.end(),
  };
}

const columnsOf = (leases: readonly GrantedLease[]) => [
  leases.map(([stream]) => stream),
  leases.map(([, token]) => token),
];

/** A lease that ends later than its length from now was granted before the clock jumped back. */
const ACQUIRE = `
  WITH granted AS (
    INSERT INTO deciding.account_owners (stream, holder, address, token, expires_at)
    VALUES ($1, $2, $3, 1, clock_timestamp() + $4::int * interval '1 millisecond')
    ON CONFLICT (stream) DO UPDATE
      SET holder = excluded.holder, address = excluded.address,
          token = account_owners.token + 1, expires_at = excluded.expires_at
      WHERE account_owners.expires_at <= clock_timestamp()
         OR account_owners.expires_at > clock_timestamp() + $4::int * interval '1 millisecond'
    RETURNING holder, address, token
  )
  SELECT holder, address, token::text FROM granted
  UNION ALL
  SELECT holder, address, token::text FROM deciding.account_owners
  WHERE stream = $1 AND NOT EXISTS (SELECT FROM granted)`;

/** Also of an expired lease, as long as nobody else was granted it. */
const RENEW = `
  UPDATE deciding.account_owners AS o
  SET expires_at = clock_timestamp() + $4::int * interval '1 millisecond'
  FROM unnest($1::text[], $2::bigint[]) AS mine (stream, token)
  WHERE o.stream = mine.stream AND o.token = mine.token AND o.holder = $3
  RETURNING o.stream`;

/** The row stays: it remembers the token. */
const RELEASE = `
  UPDATE deciding.account_owners AS o
  SET expires_at = '-infinity'
  FROM unnest($1::text[], $2::bigint[]) AS mine (stream, token)
  WHERE o.stream = mine.stream AND o.token = mine.token AND o.holder = $3`;
