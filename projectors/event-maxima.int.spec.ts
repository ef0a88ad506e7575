/** Whatever an event schema lets through, every projection can hold: no event stops one. */
import { expect } from 'chai';
import { eventSchemas, type AnyEvent } from '../contracts/events/all.js';
import type { Metadata, NewEvent, RecordedEvent } from '../contracts/events/envelope.js';
import { idPattern, type IdPrefix } from '../contracts/ids.js';
import { formatMoney, parseMoney } from '../contracts/money.js';
import { createCodec } from '../infra/event-store/codec.js';
import { advance, loadProjections } from './engine/running-projections.js';
import { projections } from './projections.js';
import { at, openReadModels, type ReadModels } from './testing/kit.js';

type Schema = Readonly<Record<string, unknown>>;
type End = 'least' | 'most';

const TYPES = Object.keys(eventSchemas) as AnyEvent['type'][];

describe('every event schema', () => {
  it('bounds every number and every text', () => {
    const unbounded = TYPES.flatMap((type) => unboundedIn(eventSchemas[type].schema, type));
    expect(unbounded).to.deep.equal([]);
  });

  const codec = createCodec({ warn: () => undefined, error: () => undefined });
  const written = (type: AnyEvent['type'], data: object) =>
    codec.encode({ id: ID, type, data, metadata } as NewEvent<AnyEvent>);

  it('refuses more from who writes, and reads it from a log of before', () => {
    const data = { ...dataOf('FileStored', 'most'), width: 2 ** 31 };
    expect(() => written('FileStored', data)).to.throw('/width must be <= 2147483647');
    const long = { ...dataOf('FileStored', 'most'), format: 'x'.repeat(9_000) };
    expect(() => written('FileStored', long)).to.throw('/format must NOT have more than 8192');
    const row = { position: 1n, stream: 'file-x' as const, revision: 0, id: ID };
    const texts = {
      data: JSON.stringify({ ...data, ...long }),
      metadata: JSON.stringify(metadata),
    };
    expect(codec.decode({ ...row, type: 'FileStored', ...texts })?.data).to.deep.equal({
      ...data,
      ...long,
    });
  });

  describe('in the read models', () => {
    let models: ReadModels;
    before(async () => (models = await openReadModels()));
    after(() => models?.close());
    beforeEach(() => models.reset());

    /** In the order of the schemas: what creates a thing comes before what changes it. */
    const project = async (events: readonly RecordedEvent<AnyEvent>[]) => {
      const running = await loadProjections(models.pool, projections);
      const position = events.at(-1)?.position ?? 0n;
      await advance(models.pool, running, { events, position });
      return running.length;
    };

    for (const end of ['least', 'most'] as const)
      it(`has room for the ${end} that it allows`, async () => {
        for (const type of TYPES) written(type, dataOf(type, end));
        const all = TYPES.map((type, index) => recorded(type, dataOf(type, end), index));
        const creating = all.filter(({ type }) => CREATING.has(type));
        const others = all.filter(({ type }) => !CREATING.has(type));
        const events = [...creating, ...others].map(inOrder);
        expect(await project(events)).to.equal(projections.length);
      });

    it('has room for each ending alone', async () => {
      const endings = TYPES.filter((type) => /^(Execution|Delivery|Hold)/.test(type));
      for (const type of endings.filter((one) => !CREATING.has(one))) {
        await models.clear();
        const types: AnyEvent['type'][] = [...CREATING, type];
        await project(types.map((one, i) => inOrder(recorded(one, dataOf(one, 'most'), i), i)));
      }
    });

    it('shows the most that a column holds for a greater number of an older log', async () => {
      const data = { ...dataOf('FileStored', 'most'), width: 2 ** 31, sizeBytes: 2 ** 60 };
      await project([recorded('FileStored', data, 1)]);
      const [row] = await models.rows('readmodel.files');
      const { width, size_bytes } = row as { width: number; size_bytes: string };
      expect([width, size_bytes]).to.deep.equal([2 ** 31 - 1, `${Number.MAX_SAFE_INTEGER}`]);
    });
  });
});

const CREATING: ReadonlySet<AnyEvent['type']> = new Set<AnyEvent['type']>([
  'OrganizationCreated',
  'ApiKeyCreated',
  'HoldPlaced',
  'ExecutionRequested',
  'DeliveryScheduled',
]);

const ID = '00000000-0000-4000-8000-000000000000';
const metadata: Metadata = {
  $correlationId: 'spec',
  $causationId: 'spec',
  actor: 'spec',
  schemaVersion: 1,
  time: at(0),
};

const REVISION_MAX = 2 ** 31 - 1;
/** The greatest position that PostgreSQL has, less room for the events of a case. */
const POSITION_MAX = 2n ** 63n - 1_000n;

function recorded(type: AnyEvent['type'], data: object, index: number): RecordedEvent<AnyEvent> {
  const position = POSITION_MAX + BigInt(index);
  const event = { id: ID, stream: 'execution-x', revision: REVISION_MAX, position };
  return { ...event, type, data, metadata } as unknown as RecordedEvent<AnyEvent>;
}

const inOrder = (event: RecordedEvent<AnyEvent>, index: number): RecordedEvent<AnyEvent> => ({
  ...event,
  position: POSITION_MAX + BigInt(index),
});

/** An event's data with every field at one end of what its schema lets through. */
function dataOf(type: AnyEvent['type'], end: End): Readonly<Record<string, unknown>> {
  const { schema, money } = eventSchemas[type];
  const data = Object.entries(valueOf(schema, end) as Record<string, unknown>);
  return Object.fromEntries(
    data.map(([name, value]) => [name, money.includes(name) ? parseMoney(String(value)) : value]),
  );
}

function valueOf(part: Schema, end: End): unknown {
  const { type, pattern, maxLength } = part;
  if (Array.isArray(part['enum'])) return (part['enum'] as unknown[]).at(end === 'least' ? 0 : -1);
  if (typeof pattern === 'string') return matching(pattern, end);
  switch (type) {
    case 'integer':
    case 'number':
      return end === 'least' ? (part['minimum'] ?? -Number.MAX_VALUE) : part['maximum'];
    case 'boolean':
      return end === 'most';
    case 'string':
      return textOf(end === 'least' ? Number(part['minLength'] ?? 0) : Number(maxLength));
    case 'array':
      return end === 'least' ? [] : [valueOf(part['items'] as Schema, end)];
    case 'object':
      return objectOf(part, end);
    default:
      return end === 'least' ? {} : 'anything \0 \ud800';
  }
}

function objectOf(part: Schema, end: End): unknown {
  const properties = Object.entries((part['properties'] ?? {}) as Record<string, Schema>);
  const required = (part['required'] ?? []) as string[];
  const given = properties.filter(([name]) => end === 'most' || required.includes(name));
  const more = part['additionalProperties'];
  const others: [string, unknown][] =
    end === 'most' && typeof more === 'object'
      ? Array.from({ length: 16 }, (_, n) => [`${textOf(60)}${n}`, valueOf(more as Schema, end)])
      : [];
  const values = given.map(([name, schema]) => [name, valueOf(schema, end)]);
  return Object.fromEntries([...values, ...others]) as object;
}

/** With characters that PostgreSQL refuses and that UTF-8 has not; the rest does not compress. */
function textOf(length: number): string {
  let text = '\0\ud800\u{10ffff}'.slice(0, length);
  for (let n = 1; text.length < length; n = (n * 48_271) % 2_147_483_647)
    text += String.fromCharCode(0x4e00 + (n % 20_000));
  return text;
}

const PREFIXES: readonly IdPrefix[] = [
  'org',
  'exec',
  'hold',
  'key',
  'file',
  'batch',
  'dlv',
  'evt',
  'we',
  'opk',
  'opr',
];

function matching(pattern: string, end: End): unknown {
  const prefix = PREFIXES.find((one) => idPattern(one) === pattern);
  if (prefix) return `${prefix}_${ID}`;
  const [least, most] = [
    ['0000-01-01T00:00:00.000Z', '0'.repeat(64), formatMoney(-MONEY_MOST)],
    ['9999-12-31T23:59:59.999Z', 'f'.repeat(64), formatMoney(MONEY_MOST)],
  ];
  const known = (end === 'least' ? least : most)?.find((one) => new RegExp(pattern).test(one));
  if (known === undefined) throw new Error(`no value is known for ${pattern}`);
  return known;
}

const MONEY_MOST = parseMoney('999999999999.999999') ?? 0n;

/** The parts that have no bound, by path. */
function unboundedIn(part: Schema, path: string): string[] {
  const { type, pattern, maxLength, minimum, maximum } = part;
  if (part['enum'] !== undefined || (type === 'string' && typeof pattern === 'string')) return [];
  if (type === 'string') return typeof maxLength === 'number' ? [] : [path];
  if (type === 'integer' || type === 'number')
    return [minimum, maximum].every((bound) => typeof bound === 'number') ? [] : [path];
  const inside = Object.entries((part['properties'] ?? {}) as Record<string, Schema>);
  for (const keyword of ['items', 'additionalProperties'])
    if (typeof part[keyword] === 'object') inside.push([keyword, part[keyword] as Schema]);
  return inside.flatMap(([name, schema]) => unboundedIn(schema, `${path}/${name}`));
}
