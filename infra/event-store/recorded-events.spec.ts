/** Events as releases wrote them: every later one must read them, for ever. */
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { eventSchemas } from '../../contracts/events/all.js';
import { repositoryRoot } from '../../testing/child-process.js';
import { createCodec, type LogRow } from './codec.js';

const FOLDER = join(repositoryRoot, 'contracts/events/recorded');

describe('recorded events', () => {
  const alarms: object[] = [];
  const log = { warn: () => undefined, error: (fields: object) => void alarms.push(fields) };
  const recorded = readdirSync(FOLDER)
    .filter((name) => name.endsWith('.jsonl'))
    .flatMap((name) => readFileSync(join(FOLDER, name), 'utf8').trim().split('\n'))
    .map((line, at) => ({
      ...(JSON.parse(line) as Omit<LogRow, 'position'>),
      position: BigInt(at),
    }));

  it('of every release are read, valid and unchanged', () => {
    const codec = createCodec(log);
    for (const row of recorded) {
      const event = codec.decode(row);
      if (!event) throw new Error(`${row.type} is unknown`);
      const { type, data, metadata } = codec.encode(event);
      expect({ type, data: JSON.parse(data), metadata: JSON.parse(metadata) }).to.deep.equal({
        type: row.type,
        data: JSON.parse(row.data),
        metadata: JSON.parse(row.metadata),
      });
    }
    expect(alarms).to.deep.equal([]);
  });

  it('are there of every type; a new type adds one to unreleased.jsonl', () => {
    const missing = new Set<string>(Object.keys(eventSchemas));
    for (const { type } of recorded) missing.delete(type);
    expect([...missing]).to.deep.equal([]);
  });
});
