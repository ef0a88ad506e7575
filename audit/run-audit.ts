/**
 * `modelroute verify`: whether the invariants I1 to I6 hold, from the log and the read models
 * alone. It changes nothing, and may run beside a system at work: what that system has begun and
 * still has time to end is not wrong.
 *
 *   receiver's record ─► read models, at one moment ─► head of the log ─► the log up to it
 *     ─► what is overdue ─► payloads ─► rebuilt read models
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Pool } from 'pg';
import type { Config } from '../infra/config/config.js';
import { SMALL_PAYLOAD_BYTES_MAX } from '../infra/payloads/port.js';
import { openFiles } from '../runtime/open-files.js';
import { openSealedPayloads } from '../infra/payloads/sealed.js';
import { openTieredPayloads } from '../infra/payloads/tiered.js';
import { projectionStates } from '../infra/read-store/projection-states.js';
import { withDatabase, type Database } from '../runtime/open-database.js';
import { openAudit } from './audit.js';
import { readWholeLog } from './invariants/log.js';
import { openPayloadAudit, type PayloadAudit, type PayloadBytes } from './invariants/payloads.js';
import { auditRebuilds, type RebuildAudit } from './invariants/rebuilds.js';
import { comparisonsOf } from './compare-read-models.js';
import { openFindings, type Findings } from './findings.js';
import type { Counts } from './open-items.js';
import { readReadModels, type ReadModels } from './read-models.js';
import { readReceiverRecord, type ReceiverAudit } from './receiver-record.js';

export interface AuditOptions {
  /** Look at every payload. */
  readonly deep: boolean;
  /** The system was drained: everything that was begun must have ended. */
  readonly settled: boolean;
  readonly skipRebuild: boolean;
  /** File or address of the receivers' own record of calls. */
  readonly receiverRecord: string | undefined;
  /** How long projections of a drained system may take to come to the end of the log. */
  readonly catchUpMs?: number;
}

export interface AuditReport {
  /** Of the last event that was looked at. */
  readonly position: bigint;
  readonly checked: Counts & { readonly accounts: number; readonly payloads: number };
  readonly receiverCalls: number | undefined;
  /** Executions that were paid for more than once, which the log explains. */
  readonly paidAgain: number | undefined;
  readonly rebuilt: RebuildAudit | undefined;
  readonly findings: Findings;
  readonly logSeconds: number;
  readonly seconds: number;
}

export const runAudit = (
  config: Config,
  options: AuditOptions,
  signal: AbortSignal,
): Promise<AuditReport> =>
  withDatabase(config, async (database) => {
    const payloads = await payloadsOf(config, database);
    try {
      return await auditDatabase(database, payloads.bytesOf, options, signal);
    } finally {
      await payloads.close();
    }
  });

const CATCH_UP_MS = 10_000;

type Looked = Pick<Database, 'store' | 'readStore' | 'progress' | 'log' | 'isServed' | 'figures'>;

export async function auditDatabase(
  database: Looked,
  bytesOf: PayloadBytes,
  options: AuditOptions,
  signal: AbortSignal,
): Promise<AuditReport> {
  const startedMs = performance.now();
  const secondsSince = (fromMs: number) => (performance.now() - fromMs) / 1000;
  const { store, readStore, isServed } = database;
  const findings = openFindings();
  const { receiverRecord } = options;
  const receiver =
    receiverRecord === undefined ? undefined : await readReceiverRecord(receiverRecord);
  if (options.settled && isServed) await catchUp(database, options, findings);
  const models = await readModelsOf(readStore, findings);
  const nowMs = await databaseClock(readStore);
  const until = await store.head();
  const audit = openAudit(findings, models ? comparisonsOf(models, findings) : []);
  const payloadAudit = openPayloadAudit(findings, { ...options, bytesOf, store });
  let lastMs = 0;
  await readWholeLog({
    store,
    until,
    findings,
    signal,
    see(event) {
      audit.see(event);
      payloadAudit.see(event);
      receiver?.see(event);
      lastMs = Date.parse(event.metadata.time);
    },
    pause: () => payloadAudit.look(),
  });
  // Where no process serves, nothing could end since the last event: its time is the audit's time.
  audit.end({ nowMs: isServed ? nowMs : lastMs, settled: options.settled });
  findUnknownTypes(database, findings);
  await endOthers(payloadAudit, receiver, findings);
  const logSeconds = secondsSince(startedMs);
  const rebuilt = options.skipRebuild
    ? undefined
    : await rebuildAll(database, options, findings, signal);
  const { counts, accounts } = audit.open;
  return {
    position: until,
    checked: { ...counts, accounts: accounts.size, payloads: payloadAudit.checked },
    receiverCalls: receiver?.calls,
    paidAgain: receiver?.paidAgain(),
    rebuilt,
    findings,
    logSeconds,
    seconds: secondsSince(startedMs),
  };
}

async function endOthers(
  payloads: PayloadAudit,
  receiver: ReceiverAudit | undefined,
  findings: Findings,
): Promise<void> {
  await payloads.end();
  receiver?.end(findings);
}

/** A missing folder is not created: the payloads that belong in it are lost. */
async function payloadsOf(config: Config, { smallPayloads: small, dataKeys }: Database) {
  if (!config.s3 && !existsSync(join(config.dataDir, 'payloads')))
    return {
      bytesOf: (async (ref) =>
        ref.bytes > SMALL_PAYLOAD_BYTES_MAX ? undefined : small.get(ref)) satisfies PayloadBytes,
      close: async () => undefined,
    };
  const files = await openFiles(config, dataKeys);
  const payloads = openTieredPayloads({
    small,
    large: openSealedPayloads(dataKeys, files.largePayloads),
  });
  return {
    bytesOf: ((ref) => payloads.get(ref)) satisfies PayloadBytes,
    close: () => files.close(),
  };
}

/** After a drain every projection must reach the head of the log; one that does not is behind. */
async function catchUp(
  { readStore, progress, store }: Looked,
  { catchUpMs = CATCH_UP_MS }: AuditOptions,
  findings: Findings,
): Promise<void> {
  const head = await store.head();
  const deadline = performance.now() + catchUpMs;
  for (const { name } of await projectionStates(readStore)) {
    const leftMs = Math.max(0, deadline - performance.now());
    if (!(await progress.passed(name, head, leftMs)))
      findings.add('read models', name, `it has not come to position ${head} of the log`);
  }
}

async function readModelsOf(pool: Pool, findings: Findings): Promise<ReadModels | undefined> {
  const models = await readReadModels(pool);
  if (!models) findings.add('read models', 'all', 'they were replaced again and again; ask again');
  return models;
}

async function databaseClock(pool: Pool): Promise<number> {
  const { rows } = await pool.query<{ now: Date }>('SELECT clock_timestamp() AS now');
  return rows[0]?.now.getTime() ?? Date.now();
}

function findUnknownTypes({ figures }: Looked, findings: Findings): void {
  for (const [type, events] of figures().unknownTypes)
    findings.add('log', type, `${events} events of a type that this release does not know`);
}

async function rebuildAll(
  database: Looked,
  { settled }: AuditOptions,
  findings: Findings,
  signal: AbortSignal,
): Promise<RebuildAudit> {
  const names = (await projectionStates(database.readStore)).map(({ name }) => name);
  const rebuilt = await auditRebuilds(database, names, findings, signal);
  if (settled && database.isServed)
    for (const { projection, why } of rebuilt.notCompared)
      findings.add('I6', projection, `it could not be compared with a rebuilt one: ${why}`);
  return rebuilt;
}
