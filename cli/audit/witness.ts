/**
 * `audit witness`: keeps checkpoints of a log elsewhere, and holds each against the one before: the
 * log must have gone on from it. They are kept in a file to which lines are only added, in a bucket
 * whose objects are locked, or in both; a webhook is told too. With `--every` it outlasts a system
 * that is away or restarts, and says so.
 */
import { request } from 'undici';
import type { Checkpoint } from '../../domain/proof/checkpoint.js';
import { hashFromBase64, type TreeHash } from '../../domain/proof/hashes.js';
import { openCheckpoint } from '../../domain/proof/signed-checkpoint.js';
import type { NoteVerifier } from '../../domain/proof/signed-note.js';
import { forkBetween } from '../../domain/proof/verify-previous.js';
import { pause } from '../../infra/concurrency/pause.js';
import { StartError } from '../../infra/start-error.js';
import { EXIT_FOUND, type Context } from '../context.js';
import { keptInBucket, keptInFile, Unanswered, type KeptCheckpoints } from './kept-checkpoints.js';
import { verifiersIn } from './verifiers.js';

export interface WitnessOptions {
  readonly url: string;
  readonly key: readonly string[];
  readonly file?: string;
  readonly bucket?: string;
  readonly endpoint?: string;
  readonly region: string;
  readonly prefix: string;
  readonly lock: 'compliance' | 'governance';
  readonly retainDays?: number;
  readonly webhook?: string;
  readonly every?: number;
}

const TIMEOUT_MS = 30_000;
/** A hundred times the longest proof. */
const BODY_BYTES_MAX = 1_000_000;

export async function witness(context: Context, options: WitnessOptions): Promise<void> {
  const keys = (await Promise.all(options.key.map(verifiersIn))).flat();
  const places = await placesOf(options);
  try {
    await witnessUntil(context, options, { keys, places });
  } finally {
    for (const place of places) place.close();
  }
}

interface Witnessing {
  readonly keys: readonly NoteVerifier[];
  readonly places: readonly KeptCheckpoints[];
}

async function placesOf(options: WitnessOptions): Promise<readonly KeptCheckpoints[]> {
  const { file, bucket, endpoint, region, prefix, lock, retainDays } = options;
  const files = file === undefined ? [] : [keptInFile(file)];
  if (bucket === undefined) {
    if (file === undefined) throw new StartError('Say where to keep them: --file or --bucket.');
    return files;
  }
  if (retainDays === undefined)
    throw new StartError('Say for how long the bucket locks them: --retain-days.');
  const mode = lock === 'compliance' ? 'COMPLIANCE' : 'GOVERNANCE';
  const given = { bucket, endpoint, region, prefix, mode, retainDays } as const;
  return [...files, await keptInBucket(given)];
}

async function witnessUntil(
  context: Context,
  options: WitnessOptions,
  witnessing: Witnessing,
): Promise<void> {
  for (;;) {
    const seen = await witnessOnce(options, witnessing).catch((error: unknown) => {
      if (options.every !== undefined && error instanceof Unanswered) return error;
      throw error;
    });
    if (seen instanceof Unanswered)
      context.print(`${seen.message.replace(/\.$/, '')}; again in ${options.every} s`);
    else if ('problem' in seen) {
      context.print(`${options.url}: ${seen.problem}`);
      return context.endWith(EXIT_FOUND);
    } else context.print(sentenceOf(seen));
    if (options.every === undefined) return;
    await pause(options.every * 1_000, context.signal);
    if (context.signal.aborted) return;
  }
}

interface Witnessed {
  readonly size: number;
  readonly isFirst: boolean;
}

const sentenceOf = ({ size, isFirst }: Witnessed): string =>
  isFirst
    ? `the first checkpoint is kept, of a log of ${size} events`
    : `the log of ${size} events goes on from what was kept`;

async function witnessOnce(
  { url, webhook }: WitnessOptions,
  { keys, places }: Witnessing,
): Promise<Witnessed | { readonly problem: string }> {
  const base = url.replace(/\/+$/, '');
  const note = await textAt(`${base}/v1/log/checkpoint`);
  const later = openCheckpoint(note, keys);
  if ('problem' in later) return later;
  const { size } = later.opened;
  const lacking: KeptCheckpoints[] = [];
  let isFirst = true;
  for (const place of places) {
    const notes = await place.newest();
    const sizes = new Set<number>();
    for (const kept of notes) {
      const earlier = openCheckpoint(kept, keys);
      if ('problem' in earlier) return { problem: `what is kept: ${earlier.problem}` };
      const problem = await forkSince(base, earlier.opened, later.opened);
      if (problem !== undefined) return { problem };
      sizes.add(earlier.opened.size);
    }
    if (!sizes.has(size)) lacking.push(place);
    isFirst &&= notes.length === 0;
  }
  if (lacking.length === 0) return { size, isFirst };
  const line = JSON.stringify({ size, note, witnessed_at: new Date().toISOString() });
  if (webhook !== undefined) await tell(webhook, line);
  for (const place of lacking) await place.keep(size, line);
  return { size, isFirst };
}

async function forkSince(
  base: string,
  earlier: Checkpoint,
  later: Checkpoint,
): Promise<string | undefined> {
  if (earlier.size >= later.size || earlier.origin !== later.origin)
    return forkBetween(earlier, later, undefined);
  const query = `from=${earlier.size}&to=${later.size}`;
  const text = await textAt(`${base}/v1/log/proofs/consistency?${query}`);
  const proof = hashesIn(text);
  if (!proof) throw new Unanswered(`${base} answered no proof of consistency.`);
  return forkBetween(earlier, later, { size: earlier.size, hashes: proof });
}

function hashesIn(text: string): readonly TreeHash[] | undefined {
  try {
    const { hashes } = JSON.parse(text) as { readonly hashes?: unknown };
    if (!Array.isArray(hashes)) return undefined;
    return hashes.map((hash) => hashFromBase64(String(hash)) ?? ('' as TreeHash));
  } catch {
    return undefined;
  }
}

async function textAt(url: string): Promise<string> {
  const { statusCode, text } = await exchanged(url, { method: 'GET' });
  if (statusCode === 200) return text;
  throw new Unanswered(`${url} answered ${statusCode}.`);
}

async function tell(url: string, body: string): Promise<void> {
  const headers = { 'content-type': 'application/json' };
  const { statusCode } = await exchanged(url, { method: 'POST', headers, body });
  if (statusCode >= 300) throw new Unanswered(`${url} answered ${statusCode}: nothing was kept.`);
}

async function exchanged(url: string, options: Parameters<typeof request>[1]) {
  const bounded = { headersTimeout: TIMEOUT_MS, signal: AbortSignal.timeout(TIMEOUT_MS) };
  try {
    const { statusCode, body } = await request(url, { ...options, ...bounded });
    const chunks: Buffer[] = [];
    let bytes = 0;
    // Leaving the loop closes the connection.
    for await (const chunk of body as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      if (bytes > BODY_BYTES_MAX) throw new Unanswered(`${url} answered too much.`);
      chunks.push(chunk);
    }
    return { statusCode, text: Buffer.concat(chunks).toString('utf8') };
  } catch (error) {
    if (error instanceof StartError) throw error;
    const { code, message } = error as NodeJS.ErrnoException;
    throw new Unanswered(`${url} cannot be reached: ${code ?? message}.`, { cause: error });
  }
}
