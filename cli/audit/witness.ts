/**
 * `audit witness`: keeps checkpoints of a log elsewhere, and holds each against the one before: the
 * log must have gone on from it. What is kept is a file to which lines are only added; a webhook is
 * told too. With `--every` it outlasts a system that is away or restarts, and says so.
 */
import { appendFile, readFile } from 'node:fs/promises';
import { request } from 'undici';
import type { Checkpoint } from '../../domain/proof/checkpoint.js';
import { hashFromBase64, type TreeHash } from '../../domain/proof/hashes.js';
import { openCheckpoint } from '../../domain/proof/signed-checkpoint.js';
import type { NoteVerifier } from '../../domain/proof/signed-note.js';
import { forkBetween } from '../../domain/proof/verify-previous.js';
import { pause } from '../../infra/concurrency/pause.js';
import { StartError } from '../../infra/start-error.js';
import { EXIT_FOUND, type Context } from '../context.js';
import { verifiersIn } from './verifiers.js';

interface WitnessOptions {
  readonly url: string;
  readonly key: readonly string[];
  readonly file: string;
  readonly webhook?: string;
  readonly every?: number;
}

const TIMEOUT_MS = 30_000;
const BODY_BYTES_MAX = 1_000_000;

/** The other side did not answer as it should: it may the next time. */
class Unanswered extends StartError {}

export async function witness(context: Context, options: WitnessOptions): Promise<void> {
  const keys = (await Promise.all(options.key.map(verifiersIn))).flat();
  for (;;) {
    const seen = await witnessOnce(options, keys).catch((error: unknown) => {
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
  { url, file, webhook }: WitnessOptions,
  keys: readonly NoteVerifier[],
): Promise<Witnessed | { readonly problem: string }> {
  const base = url.replace(/\/+$/, '');
  const note = await textAt(`${base}/v1/log/checkpoint`);
  const later = openCheckpoint(note, keys);
  if ('problem' in later) return later;
  const kept = await lastKept(file);
  const earlier = kept === undefined ? undefined : openCheckpoint(kept, keys);
  if (earlier && 'problem' in earlier) return { problem: `what is kept: ${earlier.problem}` };
  if (earlier) {
    const problem = await forkSince(base, earlier.opened, later.opened);
    if (problem !== undefined) return { problem };
  }
  const { size } = later.opened;
  const isFirst = earlier === undefined;
  if (earlier?.opened.size === size) return { size, isFirst };
  const line = JSON.stringify({ size, note, witnessed_at: new Date().toISOString() });
  if (webhook !== undefined) await tell(webhook, line);
  await keep(file, line);
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
  const { hashes = [] } = JSON.parse(text) as { hashes?: readonly string[] };
  const proof = hashes.map((hash) => hashFromBase64(hash) ?? ('' as TreeHash));
  return forkBetween(earlier, later, { size: earlier.size, hashes: proof });
}

/** The note that was kept last; undefined where nothing was. */
async function lastKept(file: string): Promise<string | undefined> {
  try {
    const last = (await readFile(file, 'utf8')).trim().split('\n').at(-1);
    return last ? (JSON.parse(last) as { note: string }).note : undefined;
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return undefined;
    throw new StartError(`${file} cannot be read: ${code ?? message}.`, { cause: error });
  }
}

async function keep(file: string, line: string): Promise<void> {
  try {
    await appendFile(file, `${line}\n`, { mode: 0o600, flush: true });
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw new StartError(`${file} cannot be written: ${code ?? message}.`, { cause: error });
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
  const timeouts = { headersTimeout: TIMEOUT_MS, bodyTimeout: TIMEOUT_MS };
  try {
    const { statusCode, body } = await request(url, { ...options, ...timeouts });
    const text = await body.text();
    if (text.length > BODY_BYTES_MAX) throw new StartError(`${url} answered too much.`);
    return { statusCode, text };
  } catch (error) {
    if (error instanceof StartError) throw error;
    const { code, message } = error as NodeJS.ErrnoException;
    throw new Unanswered(`${url} cannot be reached: ${code ?? message}.`, { cause: error });
  }
}
