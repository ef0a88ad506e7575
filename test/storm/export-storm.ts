/**
 * The part of `make storm` in which organizations export what happened to them, random ranges and
 * under load, while the process is killed or restarted again and again. Each file that came whole
 * must be verified, alone and against the file before it: STORM_EXPORTS of them (2000; 0 leaves it
 * out), with a blow after each STORM_EXPORTS_A_BLOW (100). One of each STORM_EXPORTS_A_SAMPLE (50)
 * is verified by the programs of docs/audit too, over libraries that nobody here wrote.
 */
import { createWriteStream } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { request } from 'undici';
import { otherVerifiers } from '../../audit/offline/testing/other-verifiers.js';
import { consistencyIn, verifyFile, type Verified } from '../../audit/offline/verify-file.js';
import { parseVerifier, type NoteVerifier } from '../../domain/proof/signed-note.js';
import { forkBetween } from '../../domain/proof/verify-previous.js';
import { atEnd } from '../../testing/at-end.js';
import { newTenant, type Tenant } from '../../testing/client.js';
import { eventually } from '../../testing/eventually.js';
import { randomFrom, type Random } from '../../testing/random.js';
import { startReceiver } from '../../testing/receiver.js';
import { startSystem, type System } from '../../testing/system.js';
import { TEXT } from './catalogue.js';
import { startLoad } from './load.js';

const { env } = process;
const wanted = Number(env['STORM_EXPORTS'] ?? 2_000);
const aSample = Number(env['STORM_EXPORTS_A_SAMPLE'] ?? 50);
const aBlow = Number(env['STORM_EXPORTS_A_BLOW'] ?? 100);

const TENANTS = 4;
const LANES = 6;
const PAUSE_MS = [50, 250] as const;
const RETRY_MS = [50, 300] as const;
/** So many ranges are of any length, and open at times; they have most of the events. */
const LONG = 0.05;
const SHORT_MS = 10_000;
/** What a killed process that starts again may take, and one export more. */
const STALLED_MS_MAX = 120_000;

type Count = 'verified' | 'compared' | 'sampled' | 'events' | 'cut' | 'refused';

/** Answers what it says of a file that it does not find honest. */
type Other = (path: string) => Promise<string | undefined>;

interface Exporting {
  readonly system: System;
  readonly keys: readonly NoteVerifier[];
  readonly others: readonly Other[];
  readonly folder: string;
  readonly beganMs: number;
  readonly counts: Record<Count, number>;
  readonly findings: string[];
}

/** The number of findings, which are printed. */
export async function exportStorm(seed: string): Promise<number> {
  if (wanted === 0) return 0;
  console.log(`${wanted} audit exports; STORM_SEED=${seed}`);
  const random = randomFrom(`${seed}/exports`);
  const folder = await mkdtemp(join(tmpdir(), 'modelroute-exports-'));
  atEnd(() => rm(folder, { recursive: true, force: true }));
  const system = await startSystem({ dataDir: join(folder, 'data') });
  const tenants = await Promise.all(
    Array.from({ length: TENANTS }, () => newTenant(system, '10000')),
  );
  const receiver = await startReceiver();
  const load = startLoad({
    tenants,
    receiverUrl: receiver.url,
    lanes: LANES,
    pauseMs: PAUSE_MS,
    textModels: [TEXT],
    random: random.branch('load'),
  });
  atEnd(async () => load.abandon());
  const keys = await keysOf(system);
  const exporting: Exporting = {
    system,
    keys: keys.flatMap((line) => parseVerifier(line) ?? []),
    others: await othersOf(folder, keys[0] ?? ''),
    folder,
    beganMs: Date.now(),
    counts: { verified: 0, compared: 0, sampled: 0, events: 0, cut: 0, refused: 0 },
    findings: [],
  };
  const blows = await exportAll(exporting, tenants, random);
  await load.stop();
  const { code } = await system.command('verify', '--json');
  await system.stop();
  const findings = [...exporting.findings, ...load.complaints];
  if (code !== 0) findings.push(`verify exits ${code}`);
  const { verified, compared, sampled, events, cut, refused } = exporting.counts;
  console.log(
    `${verified} exports of ${events} events verified, ${compared} against the one before, ` +
      `${sampled} by ${exporting.others.length} other programs too; ` +
      `${blows} blows, ${cut} cut, ${refused} asked again; ${load.counts.accepted} accepted; ` +
      `${findings.length} findings`,
  );
  for (const finding of findings.slice(0, 100)) console.log(`FINDING ${finding}`);
  return findings.length;
}

/** Answers how many blows there were. */
async function exportAll(
  exporting: Exporting,
  tenants: readonly Tenant[],
  random: Random,
): Promise<number> {
  const { counts, findings, system } = exporting;
  const isDone = () => counts.verified >= wanted || findings.length > 0;
  const exporters = tenants.map((tenant, n) =>
    exportAgain(exporting, tenant, random.branch(`exporter-${n}`), isDone),
  );
  let blows = 0;
  for (let next = aBlow; !isDone(); next += aBlow) {
    const isNext = () => counts.verified >= next || isDone();
    await eventually('exports go on', isNext, aBlow * STALLED_MS_MAX);
    if (isDone()) break;
    await sleep(random.between(0, 500));
    if (random.chance(0.7)) await system.kill9();
    else await system.stop();
    blows += 1;
    await system.restart();
    console.log(`  ${counts.verified} exports, ${counts.events} events, ${blows} blows`);
  }
  await Promise.all(exporters);
  return blows;
}

async function exportAgain(
  exporting: Exporting,
  tenant: Tenant,
  random: Random,
  isDone: () => boolean,
): Promise<void> {
  const { counts, findings, folder, keys } = exporting;
  let before: Verified | undefined;
  for (let n = 0; !isDone(); n++) {
    const path = join(folder, `${tenant.organizationId}-${n % 2}.ndjson`);
    const query = queryOf(exporting, before, random);
    const came = await download(exporting, tenant, query, path);
    if (came !== 'whole') {
      counts[came] += 1;
      await sleep(random.between(...RETRY_MS));
      continue;
    }
    const found = await verifyFile(path, keys);
    if ('problem' in found) {
      findings.push(`${tenant.organizationId}, ${query}: ${found.problem}`);
      return;
    }
    const { opened } = found;
    const fork = before && forkOf(before, opened);
    if (fork !== undefined) findings.push(`${tenant.organizationId}, ${query}: ${fork}`);
    if (before) counts.compared += 1;
    counts.verified += 1;
    if (counts.verified % aSample === 0) await sample(exporting, path);
    if (opened.kind === 'export') counts.events += opened.header.count;
    before = opened;
  }
}

async function sample({ others, counts, findings }: Exporting, path: string): Promise<void> {
  counts.sampled += 1;
  for (const other of others) {
    const said = await other(path);
    if (said !== undefined) findings.push(`${path}: ${said}`);
  }
}

/** Those that this machine can run. */
async function othersOf(folder: string, vkey: string): Promise<readonly Other[]> {
  const others = [await otherVerifiers.Python(), await otherVerifiers.Go(folder)];
  for (const verify of others) if (typeof verify === 'string') console.log(`  ${verify}`);
  return others.flatMap((verify) => {
    if (typeof verify === 'string') return [];
    return async (path: string) => {
      const said = await verify(path, vkey);
      return said.startsWith('verified') ? undefined : said;
    };
  });
}

const forkOf = (before: Verified, later: Verified): string | undefined =>
  forkBetween(before.checkpoint, later.checkpoint, consistencyIn(later));

/** A range somewhere in the time since it began: mostly short, at times open at an end or both. */
function queryOf({ beganMs }: Exporting, before: Verified | undefined, random: Random): string {
  const spanMs = Date.now() - beganMs;
  const one = random.between(0, spanMs);
  const isLong = random.chance(LONG);
  const other = isLong ? random.between(0, spanMs) : one + random.between(0, SHORT_MS);
  const moment = (ms: number) => new Date(beganMs + ms).toISOString();
  const query = new URLSearchParams();
  if (!isLong || random.chance(0.8)) query.set('from', moment(Math.min(one, other)));
  if (!isLong || random.chance(0.7)) query.set('to', moment(Math.max(one, other)));
  if (before) query.set('since_size', `${before.checkpoint.size}`);
  return query.toString();
}

/** `cut`: the process ended meanwhile; `refused`: no answer, or one that says to ask again. */
async function download(
  { system, findings }: Exporting,
  { api }: Tenant,
  query: string,
  path: string,
): Promise<'whole' | 'cut' | 'refused'> {
  // It has none while it starts.
  if (system.baseUrl === '') return 'refused';
  const url = `${system.baseUrl}/v1/audit/export?${query}`;
  const headers = { authorization: `Bearer ${api.apiKey}` };
  const answer = await request(url, { headers }).catch(() => undefined);
  if (!answer) return 'refused';
  if (answer.statusCode !== 200) {
    const text = await answer.body.text().catch(() => '');
    const mayComeLater = answer.statusCode === 503 || answer.statusCode === 429;
    if (!mayComeLater) findings.push(`${url} was answered ${answer.statusCode}: ${text}`);
    return 'refused';
  }
  const written = pipeline(answer.body, createWriteStream(path));
  return written.then(
    () => 'whole' as const,
    () => 'cut' as const,
  );
}

/** The lines of the page of keys. */
async function keysOf({ baseUrl }: System): Promise<readonly string[]> {
  return eventually('the key of checkpoints', async () => {
    const answer = await fetch(`${baseUrl}/.well-known/modelroute/checkpoint-key`);
    if (!answer.ok) return undefined;
    const keys = (await answer.text()).split('\n').filter((line) => parseVerifier(line));
    return keys.length > 0 ? keys : undefined;
  });
}
