/**
 * A log of as many events as are asked for, as a system that has run for long leaves it. A system
 * runs one execution for each of its organizations; their events, as the store has written them,
 * are then repeated under ids, revisions, balances and times of their own, and the server copies
 * them from files, which the processes that measure read as they read any other log.
 *
 * What is not repeated: inputs and outputs, so that each execution refers to those of the one that
 * it repeats.
 */
import { randomUUID } from 'node:crypto';
import { chmod, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { formatMoney, parseMoney } from '../contracts/money.js';
import type { Bench } from './cell.js';
import { KEYS, openExecutions } from './cells/executions.js';
import { startSandboxPart } from './cells/sandbox.js';
import { query } from './database.js';
import { withDefer } from './defer.js';
import type { Tenant } from './modelroute.js';

export interface GrownLog {
  readonly url: string;
  readonly tenants: readonly Tenant[];
  readonly events: number;
}

/** So many that the stream of none of them is longer than one process reads in a moment. */
const TENANTS = 1_000;

/** Repetitions in a file. */
const TOGETHER = 4_000;

export async function growLog(bench: Bench, url: string, events: number): Promise<GrownLog> {
  const tenants = await seed(bench, url);
  const stories = await storiesOf(url);
  const [end] = await query<{ events: number }>(
    url,
    'SELECT count(*)::int AS events FROM eventstore.events',
  );
  const first = end?.events ?? 0;
  const each = stories[0]?.events.length ?? 1;
  const repetitions = Math.max(0, Math.ceil((events - first) / each));
  await copyRepetitions(url, { stories, first, repetitions });
  // Whoever has reacted to the first ones has reacted to their repetitions.
  const head = first + repetitions * each - 1;
  await query(url, 'UPDATE processing.checkpoints SET position = $1', [head]);
  await query(url, 'VACUUM (ANALYZE) eventstore.events');
  return { url, tenants, events: head + 1 };
}

/** One execution for each organization, from its submission to its end. */
async function seed(bench: Bench, databaseUrl: string): Promise<readonly Tenant[]> {
  const seeded = await withDefer(async (defer) => {
    const sandboxUrl = await startSandboxPart(bench, defer);
    const place = { databaseUrl, sandboxUrl, tenants: TENANTS };
    const executions = await openExecutions(bench, place, defer);
    await executions.burst(TENANTS);
    return executions;
  });
  await seeded.close();
  return seeded.tenants;
}

/** The events of one execution and its hold, in the order of the log. */
interface Story {
  readonly events: readonly StoryEvent[];
  readonly account: string;
  /** Of the account, behind the execution. */
  readonly available: bigint;
  readonly revision: number;
  readonly amount: bigint;
  readonly charged: bigint;
}

interface StoryEvent {
  readonly category: 'account' | 'execution';
  readonly revision: number;
  readonly type: string;
  readonly data: readonly Part[];
  readonly metadata: readonly Part[];
}

interface RecordedRow {
  readonly stream: string;
  readonly revision: number;
  readonly type: string;
  readonly data: string;
  readonly metadata: string;
}

/** All of one length: where one was tried again, it is left out. */
async function storiesOf(url: string): Promise<readonly Story[]> {
  const rows = await query<RecordedRow & { id: string }>(
    url,
    `SELECT stream, revision, type, data, metadata, metadata::json ->> '$correlationId' AS id
     FROM eventstore.events
     WHERE type IN ('HoldPlaced', 'HoldSettled') OR stream LIKE 'execution-%' ORDER BY position`,
  );
  const byExecution = new Map<string, RecordedRow[]>();
  for (const { id, ...row } of rows) {
    const others = byExecution.get(id);
    if (others) others.push(row);
    else byExecution.set(id, [row]);
  }
  return [...byExecution.values()].filter(({ length }) => length === STORY.length).map(storyIn);
}

const STORY = [
  'HoldPlaced',
  'ExecutionRequested',
  'ProviderDispatched',
  'ExecutionCompleted',
  'HoldSettled',
];

function storyIn(rows: readonly RecordedRow[]): Story {
  const types = rows.map(({ type }) => type);
  if (types.join() !== STORY.join()) throw new Error(`an execution had the events ${types.join()}`);
  const moneyIn = (type: string, field: string): bigint => {
    const { data = '{}' } = rows.find((row) => row.type === type) ?? {};
    return parseMoney((JSON.parse(data) as Record<string, string>)[field] ?? '') ?? 0n;
  };
  const settled = rows[rows.length - 1];
  if (!settled) throw new Error('an execution had no events');
  return {
    events: rows.map(({ stream, revision, type, data, metadata }) => ({
      category: stream.startsWith('account-') ? 'account' : 'execution',
      revision,
      type,
      data: partsOf(data),
      metadata: partsOf(metadata),
    })),
    account: settled.stream,
    available: moneyIn('HoldSettled', 'availableAfter'),
    revision: settled.revision,
    amount: moneyIn('HoldPlaced', 'amount'),
    charged: moneyIn('HoldSettled', 'charged'),
  };
}

/** What is another one in each repetition, in its text. */
interface Repetition {
  readonly execution: string;
  readonly hold: string;
  readonly request: string;
  readonly key: string;
  readonly shiftMs: number;
  available: bigint;
  held: bigint;
}

type Part = string | ((repetition: Repetition) => string);

const UUID = '[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}';
const CHANGING = new RegExp(
  `("ref":"[^"]*")|(exec_${UUID})|(hold_${UUID})|(req_${UUID})|("idempotencyKey":"[^"]*")|` +
    '("availableAfter":"[^"]*")|("heldAfter":"[^"]*")|(20\\d\\d-[\\d-]+T[\\d:.]+Z)',
  'g',
);

/** The text of a field, as COPY reads it, cut where it changes. */
function partsOf(text: string): readonly Part[] {
  const parts: Part[] = [];
  let from = 0;
  for (const match of text.matchAll(CHANGING)) {
    const [whole, , execution, hold, request, key, available, held, time] = match;
    if (match[1] !== undefined) continue;
    parts.push(escaped(text.slice(from, match.index)));
    from = match.index + whole.length;
    if (execution) parts.push((one) => one.execution);
    if (hold) parts.push((one) => one.hold);
    if (request) parts.push((one) => one.request);
    if (key) parts.push((one) => `"idempotencyKey":"${one.key}"`);
    if (available) parts.push((one) => `"availableAfter":"${formatMoney(one.available)}"`);
    if (held) parts.push((one) => `"heldAfter":"${formatMoney(one.held)}"`);
    if (time) {
      const ms = Date.parse(time);
      parts.push((one) => new Date(ms + one.shiftMs).toISOString());
    }
  }
  parts.push(escaped(text.slice(from)));
  return parts;
}

const escaped = (text: string): string => text.replaceAll('\\', '\\\\');

interface Repeating {
  readonly stories: readonly Story[];
  /** The position of the first repeated event. */
  readonly first: number;
  readonly repetitions: number;
}

/** While the server copies a file, the next one is written. */
async function copyRepetitions(url: string, repeating: Repeating): Promise<void> {
  const { repetitions } = repeating;
  const [row] = await query<{ data_directory: string }>(url, 'SHOW data_directory');
  const lines = openRepeater(repeating);
  let copying: Promise<void> = Promise.resolve();
  for (let from = 0; from < repetitions; from += TOGETHER) {
    // The server reads what is in its own folder, whoever it runs as.
    const file = join(row?.data_directory ?? '', `grown-log-${from}`);
    await writeFile(file, lines(from, Math.min(from + TOGETHER, repetitions)));
    await chmod(file, 0o644);
    await copying;
    copying = copyFrom(url, file);
  }
  await copying;
}

async function copyFrom(url: string, file: string): Promise<void> {
  await query(url, `COPY eventstore.events FROM '${file}'`);
  await rm(file);
}

/** Writes the lines of COPY for the repetitions from one number to another, in their order. */
function openRepeater({ stories, first, repetitions }: Repeating) {
  const accounts = stories.map(({ available, revision }) => ({ available, revision }));
  // All of them happened between then and now, evenly.
  const stepMs = PAST_MS / Math.max(1, repetitions);
  let position = first;

  function repeat(n: number, lines: string[]): void {
    const story = stories[n % stories.length];
    const account = accounts[n % stories.length];
    if (!story || !account) throw new Error('there is nothing to repeat');
    const one: Repetition = {
      execution: `exec_${randomUUID()}`,
      hold: `hold_${randomUUID()}`,
      request: `req_${randomUUID()}`,
      key: `${KEYS}-grown-${n}`,
      shiftMs: Math.floor(n * stepMs),
      available: account.available - story.amount,
      held: story.amount,
    };
    for (const { category, revision, type, data, metadata } of story.events) {
      if (type === 'HoldSettled') {
        one.available = account.available -= story.charged;
        one.held = 0n;
      }
      const of = category === 'account' ? story.account : `execution-${one.execution}`;
      const at = category === 'account' ? ++account.revision : revision;
      const where = `${position++}\t${of}\t${at}\t${randomUUID()}\t${type}`;
      lines.push(`${where}\t${textOf(data, one)}\t${textOf(metadata, one)}\n`);
    }
  }

  return (from: number, to: number): string => {
    const lines: string[] = [];
    for (let n = from; n < to; n++) repeat(n, lines);
    return lines.join('');
  };
}

/** The repetitions take so long, from the execution that they repeat on. */
const PAST_MS = 1_000;

function textOf(parts: readonly Part[], one: Repetition): string {
  let text = '';
  for (const part of parts) text += typeof part === 'string' ? part : part(one);
  return text;
}
