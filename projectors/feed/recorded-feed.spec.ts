/** The tenant-safe forms of recorded events: what one release said is so for ever. */
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { feedTypes, type FeedType } from '../../contracts/cloud-events/feed-types.js';
import type { AnyEvent } from '../../contracts/events/all.js';
import type { RecordedEvent } from '../../contracts/events/envelope.js';
import { feedEventOf, feedOf } from '../../domain/feed/feed-event.js';
import { createCodec, type LogRow } from '../../infra/event-store/codec.js';
import { repositoryRoot } from '../../testing/child-process.js';

const EVENTS = join(repositoryRoot, 'contracts/events/recorded');
const FORMS = join(repositoryRoot, 'contracts/cloud-events/recorded');

const linesOf = (folder: string): readonly string[] =>
  readdirSync(folder)
    .filter((name) => name.endsWith('.jsonl'))
    .flatMap((name) => readFileSync(join(folder, name), 'utf8').trim().split('\n'));

describe('the feed of recorded events', () => {
  const codec = createCodec({ warn: () => undefined, error: () => undefined });
  const events = linesOf(EVENTS).map((line): RecordedEvent<AnyEvent> => {
    const event = codec.decode({ ...(JSON.parse(line) as Omit<LogRow, 'position'>), position: 1n });
    if (!event) throw new Error(`unknown: ${line}`);
    return event;
  });
  const formed = events.flatMap((event) => {
    const form = feedEventOf(event);
    return form ? [JSON.stringify({ event: event.id, stream: event.stream, ...form })] : [];
  });

  it('is as it was; a new form adds its line to contracts/cloud-events/recorded', () => {
    const forms = new Set(linesOf(FORMS));
    expect(formed.filter((line) => !forms.delete(line))).to.deep.equal([]);
    expect([...forms]).to.deep.equal([]);
  });

  it('has an owner exactly where it has a form', () => {
    for (const event of events)
      expect(feedOf(event), event.type).to.equal(feedEventOf(event)?.organizationId);
  });

  it('has a form of every type', () => {
    const types = new Set(Object.keys(feedTypes) as FeedType[]);
    for (const line of formed) types.delete((JSON.parse(line) as { type: FeedType }).type);
    expect([...types]).to.deep.equal([]);
  });

  it('names no provider, route, region, cost, header, secret or key', () => {
    const secrets = new Set<string>();
    for (const { data } of events) collect(data, secrets);
    for (const line of formed)
      for (const secret of secrets) expect(line).to.not.include(JSON.stringify(secret));
    for (const line of formed)
      expect(line).to.not.match(/provider|route|candidates|dispatch|overrun|rated|catalogue/i);
  });
});

/** Fields that say what is the operator's alone, or opens something. */
const HIDDEN = [
  'provider',
  'route',
  'account',
  'dispatchKey',
  'providerJobId',
  'catalogueVersion',
  'detail',
  'hash',
  'headers',
  'answer',
  'ref',
  'topUpId',
  'adjustmentId',
  'keyDigest',
  'requestDigest',
];

function collect(value: unknown, into: Set<string>): void {
  if (typeof value !== 'object' || value === null) return;
  for (const [name, field] of Object.entries(value)) {
    if (HIDDEN.includes(name) && typeof field === 'string' && field !== '') into.add(field);
    collect(field, into);
  }
}
