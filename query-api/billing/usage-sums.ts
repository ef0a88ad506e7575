/**
 * Usage added up: whole days from their sums, the rest settlement by settlement, a few thousand at
 * a time, so that no statement takes long and what is held is the groups alone.
 */
import { readFileSync } from 'node:fs';
import { createFairSemaphore } from '../../infra/concurrency/fair-semaphore.js';
import type { OrganizationId } from '../../contracts/ids.js';
import type { Micros } from '../../contracts/money.js';
import { Refusal } from '../../http/server/route.js';
import { StoreUnavailable } from '../../infra/event-store/port.js';
import { amount, count, text, type Row } from '../../infra/read-store/table.js';
import type { ListInfra } from '../query-infra.js';
import { dayAt, type Dimension, type Span, type UsageQuestion } from './usage-question.js';

export interface UsageGroup {
  /** One of each dimension; null where it has none. */
  readonly values: readonly (string | null)[];
  readonly executions: bigint;
  readonly cost: Micros;
}

/** Some twenty megabytes; of a caller who asks for more, narrower ranges have them. */
export const GROUPS_MAX = 100_000;

/** About ten seconds. */
export const CHARGES_MAX = 1_000_000;

/** Some thirty milliseconds of a statement. */
const CHARGES_AT_ONCE = 5_000;

/** Walks of a process: each takes its turn for every statement, as any reader does. */
const WALKS = { inFlightMax: 4, shareMax: 1, waitersMax: 4 };
const WALK_WAIT_MS = 1_000;

export interface UsageSums {
  /** In the order of their values. Throws a `Refusal` for too much, and `StoreUnavailable`. */
  of(
    organizationId: OrganizationId,
    question: UsageQuestion,
    ended: AbortSignal,
  ): Promise<readonly UsageGroup[]>;
}

export function openUsageSums({ reads }: Pick<ListInfra, 'reads'>): UsageSums {
  const walks = createFairSemaphore(WALKS);
  return {
    async of(organizationId, question, ended) {
      const groups = openGroups(question.dimensions);
      if (question.days) await addDays(reads, organizationId, question, groups);
      if (question.spans.length === 0) return groups.sorted();
      if (!(await walks.acquire(organizationId, WALK_WAIT_MS)))
        throw new StoreUnavailable('usage of one caller is being added up already');
      try {
        await requireBounded(reads, organizationId, question.spans);
        for (const span of question.spans)
          await addCharges(reads, { organizationId, span, ended }, question, groups);
      } finally {
        walks.release(organizationId);
      }
      return groups.sorted();
    },
  };
}

type Reads = ListInfra['reads'];

const sqlOf = (name: string): string =>
  readFileSync(new URL(`./${name}.sql`, import.meta.url), 'utf8');

const DAYS = sqlOf('read-usage-days');
const CHARGES = sqlOf('read-charges');

const has = ({ dimensions }: UsageQuestion, kind: Dimension['kind']): boolean =>
  dimensions.some((dimension) => dimension.kind === kind);

async function addDays(
  reads: Reads,
  organizationId: OrganizationId,
  question: UsageQuestion,
  groups: Groups,
): Promise<void> {
  const { days } = question;
  if (!days) return;
  const rows = await reads.rows(organizationId, {
    name: 'usage: days',
    text: DAYS,
    values: [
      organizationId,
      days.from,
      days.to,
      has(question, 'day'),
      has(question, 'model'),
      has(question, 'api_key'),
      GROUPS_MAX + 1,
    ],
  });
  for (const row of rows) groups.add(row);
}

interface Walk {
  readonly organizationId: OrganizationId;
  readonly span: Span;
  readonly ended: AbortSignal;
}

async function addCharges(
  reads: Reads,
  { organizationId, span, ended }: Walk,
  question: UsageQuestion,
  groups: Groups,
): Promise<void> {
  const [first, second] = groups.metadataNames;
  let place: readonly [at: Date, position: bigint, leg: number] = [span.from, -1n, -1];
  for (;;) {
    const [at, position, leg] = place;
    const rows = await reads.rows(organizationId, {
      name: 'usage: charges',
      text: CHARGES,
      values: [
        ...[organizationId, at, span.to, position, leg, CHARGES_AT_ONCE],
        ...[has(question, 'day'), has(question, 'model'), has(question, 'api_key')],
        ...[first !== undefined, second !== undefined, first ?? '', second ?? ''],
      ],
    });
    for (const row of rows) groups.add(row);
    const [last] = rows;
    if (!last || count(last, 'charged') < CHARGES_AT_ONCE) return;
    if (ended.aborted) throw new StoreUnavailable('nobody waits for the sums any more');
    place = [last['last_at'] as Date, amount(last, 'last_position'), count(last, 'last_leg')];
  }
}

async function requireBounded(
  reads: Reads,
  organizationId: OrganizationId,
  spans: readonly Span[],
): Promise<void> {
  let charges = 0n;
  for (const { from, to } of spans) {
    const [row] = await reads.rows(organizationId, {
      name: 'usage: how many charges',
      text: `
        SELECT coalesce(sum(executions), 0)::bigint AS executions FROM readmodel.usage_days
        WHERE organization_id = $1 AND day >= $2 AND day <= $3`,
      values: [organizationId, dayAt(from.getTime()), dayAt(to.getTime())],
    });
    charges += row ? amount(row, 'executions') : 0n;
  }
  if (charges > BigInt(CHARGES_MAX))
    throw tooMuch('from', `at most ${CHARGES_MAX} executions can be added up by metadata at once`);
}

const tooMuch = (field: string, message: string): Refusal =>
  new Refusal('INPUT_VALIDATION_ERROR', 'The range has too much for one answer.', [
    { field, code: 'too_much', message: `${message}: ask for a shorter range` },
  ]);

interface Groups {
  readonly metadataNames: readonly string[];
  add(row: Row): void;
  sorted(): readonly UsageGroup[];
}

function openGroups(dimensions: readonly Dimension[]): Groups {
  const groups = new Map<string, UsageGroup>();
  const metadataNames = dimensions.flatMap((one) => (one.kind === 'metadata' ? [one.name] : []));
  return {
    metadataNames,
    add(row) {
      const values = valuesIn(row, dimensions, metadataNames);
      const name = JSON.stringify(values);
      const before = groups.get(name);
      if (!before && groups.size >= GROUPS_MAX)
        throw tooMuch('group_by', `at most ${GROUPS_MAX} groups can be answered`);
      const executions = (before?.executions ?? 0n) + amount(row, 'executions');
      const cost = (before?.cost ?? 0n) + amount(row, 'cost_micros');
      groups.set(name, { values, executions, cost });
    },
    sorted: () => [...groups.values()].sort(inOrder),
  };
}

function valuesIn(
  row: Row,
  dimensions: readonly Dimension[],
  metadataNames: readonly string[],
): readonly (string | null)[] {
  const document = row['body'] ? parsedMetadata(text(row, 'body')) : undefined;
  return dimensions.map((dimension) => {
    if (dimension.kind === 'metadata') {
      const { name } = dimension;
      if (document) return Object.hasOwn(document, name) ? (document[name] ?? null) : null;
      const index = metadataNames.indexOf(name);
      return (row[index === 0 ? 'first_value' : 'second_value'] as string | null) ?? null;
    }
    const column = dimension.kind === 'api_key' ? 'api_key_id' : dimension.kind;
    return (row[column] as string | null) || null;
  });
}

const parsedMetadata = (body: string): Readonly<Record<string, string>> =>
  (JSON.parse(body) as { metadata: Record<string, string> }).metadata;

/** By each value in turn; none comes last. */
function inOrder({ values: a }: UsageGroup, { values: b }: UsageGroup): number {
  for (const [index, value] of a.entries()) {
    const other = b[index] ?? null;
    if (value === other) continue;
    if (value === null || other === null) return value === null ? 1 : -1;
    return value < other ? -1 : 1;
  }
  return 0;
}
