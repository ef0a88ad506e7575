import { createHmac } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import fc from 'fast-check';
import { createCodec, type LogRow } from '../../infra/event-store/codec.js';
import { repositoryRoot } from '../../testing/child-process.js';
import { canonicalJson } from '../canonical-json.js';
import { packPlaces, unpackPlaces } from './feed-places.js';
import { hashToBase64, leafHash } from './hashes.js';
import { leafTextOf } from './leaf.js';
import { disclosureDigest, readDisclosure } from './operator-fields.js';
import { openLeafSalts } from './salts.js';
import { EMPTY_EDGE, growTree } from './tree.js';

const FOLDER = join(repositoryRoot, 'contracts/events/recorded');
const salts = openLeafSalts(Buffer.alloc(32, 9));

/** Every event that a release recorded, in the order of the file. */
const recordedIn = (name: string) =>
  readFileSync(join(FOLDER, name), 'utf8')
    .trim()
    .split('\n')
    .map((line, at) => {
      const row = { ...(JSON.parse(line) as Omit<LogRow, 'position'>), position: BigInt(at) };
      return createCodec({ warn: () => undefined, error: () => undefined }).decode(row)!;
    });

describe('leaves', () => {
  it('of recorded events are for ever what they were', () => {
    const roots = readdirSync(FOLDER)
      .filter((name) => name.endsWith('.jsonl') && name !== 'unreleased.jsonl')
      .map((name) => {
        const tree = growTree(EMPTY_EDGE);
        for (const [n, event] of recordedIn(name).entries())
          tree.append(leafHash(leafTextOf(event, n + 1, salts)));
        return [name, tree.size, hashToBase64(tree.root())];
      });
    expect(roots).to.deep.equal([
      ['0.1.0.jsonl', 71, '+UHCQNccbKZaEph1z36oPzhxCW3qIC7UF5lcG4lei28='],
    ]);
  });

  it('are canonical JSON, and tell no provider', () => {
    const events = readdirSync(FOLDER)
      .filter((name) => name.endsWith('.jsonl'))
      .flatMap(recordedIn);
    for (const event of events) {
      const text = leafTextOf(event, 7, salts);
      expect(canonicalJson(JSON.parse(text))).to.equal(text);
      const { provider } = event.data as { provider?: string };
      if (provider !== undefined) expect(text).to.not.include(provider);
    }
  });
});

describe('salts', () => {
  it('are HMAC-SHA256 of event and name, cut to 16 bytes', () => {
    const key = createHmac('sha256', Buffer.alloc(32, 9)).update('leaf-salts').digest('hex');
    const whole = createHmac('sha256', key).update('an id/region').digest('base64url');
    expect(salts('an id', 'region')).to.equal(whole.slice(0, 22));
  });
});

describe('disclosures', () => {
  it('have the digest of the example of RFC 9901, section 4.2.3', () => {
    const disclosure = 'WyJfMjZiYzRMVC1hYzZxMktJNmNCVzVlcyIsICJmYW1pbHlfbmFtZSIsICJNw7ZiaXVzIl0';
    expect(disclosureDigest(disclosure)).to.equal('X9yH0Ajrdm1Oij4tWso9UzzKJvPoDxwmuEcO3XAdRC0');
    expect(readDisclosure(disclosure)).to.deep.equal({ field: 'family_name', value: 'Möbius' });
    for (const wrong of ['', 'AAAA', Buffer.from('["a","b"]').toString('base64url')])
      expect(readDisclosure(wrong)).to.equal(undefined);
  });
});

describe('places in a feed', () => {
  it('are read as they were packed', () => {
    const step = fc.tuple(fc.nat(1e6), fc.nat(1e9), fc.nat(1e5));
    fc.assert(
      fc.property(fc.array(step), (steps) => {
        let [leafIndex, position] = [0, 0n];
        const places = steps.map(([leaves, positions, gap]) => {
          leafIndex += leaves;
          position += BigInt(positions + gap + 1);
          return { leafIndex, position, positionBefore: position - BigInt(gap) - 1n };
        });
        expect(unpackPlaces(packPlaces(places))).to.deep.equal(places);
      }),
    );
  });
});
