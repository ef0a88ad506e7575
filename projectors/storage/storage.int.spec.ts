import { expect } from 'chai';
import { streamOf } from '../../contracts/streams.js';
import { payloadName } from '../../infra/payloads/key.js';
import { openStoredBytes } from '../../infra/read-store/stored-bytes.js';
import { largePayloads, storedBytes } from '../../infra/read-store/tables/storage.js';
import { at, openReadModels, ORGANIZATION, storyOf } from '../testing/kit.js';
import type { Fact, ReadModels } from '../testing/kit.js';
import { storage } from './storage.js';

const OTHER = 'org_99999999-9999-4999-8999-999999999999';
const sha256 = 'cd'.repeat(32);

function fileOf(executionId: `exec_${string}`, sizeBytes: number): Fact {
  const fileId = `file_${crypto.randomUUID()}` as const;
  return {
    stream: streamOf('file', fileId),
    type: 'FileStored',
    data: {
      fileId,
      organizationId: ORGANIZATION,
      executionId,
      purpose: 'OUTPUT',
      contentType: 'image/png',
      format: 'png',
      sizeBytes,
      sha256,
      at: at(3),
    },
  };
}

/** The same fact about a payload of another size. */
function sized(fact: Fact, field: 'input' | 'output', ref: string, bytes: number): Fact {
  return { ...fact, data: { ...fact.data, [field]: { ref, sha256, bytes } } } as Fact;
}

describe('projection storage', () => {
  let models: ReadModels;
  before(async () => {
    models = await openReadModels();
  });
  beforeEach(() => models.reset());
  after(() => models?.close());

  it('given payloads and files, then the bytes of each organization', async () => {
    const [one, other] = [storyOf(), storyOf(OTHER)];
    await models.append(
      sized(one.requested(1), 'input', 'in', 100),
      sized(other.requested(1), 'input', 'in', 7),
      one.dispatched(2),
      sized(one.delivered(3), 'output', 'raw', 20),
      fileOf(one.executionId, 3_000_000_000),
      sized(one.completed(4), 'output', 'out', 3),
    );
    await models.project(storage, 2, 4);
    expect(await models.rows(storedBytes)).to.deep.equal([
      { organization_id: ORGANIZATION, bytes: '3000000123', position: '5' },
      { organization_id: OTHER, bytes: '7', position: '1' },
    ]);
    expect(await models.rows(largePayloads)).to.deep.equal([]);
  });

  it('given a payload beyond 64 KB, then the name under which it is stored', async () => {
    const one = storyOf();
    await models.append(
      sized(one.requested(1), 'input', 'exec/input/large', 65_537),
      sized(one.completed(4), 'output', 'exec/output/limit', 65_536),
    );
    await models.project(storage);
    expect(await models.rows(largePayloads)).to.deep.equal([
      {
        name: payloadName('exec/input/large'),
        organization_id: ORGANIZATION,
        bytes: '65537',
        position: '0',
      },
    ]);
  });

  it('given an erasure, then neither its bytes nor its names', async () => {
    const one = storyOf();
    const { executionId } = one;
    await models.append(
      sized(one.requested(1), 'input', 'exec/input/large', 65_537),
      sized(one.completed(4), 'output', 'out', 3),
      {
        type: 'PayloadsErased',
        data: {
          executionId,
          organizationId: ORGANIZATION,
          cause: 'retention',
          payloads: [
            { ref: 'exec/input/large', sha256: 'ab'.repeat(32), bytes: 65_537 },
            { ref: 'out', sha256: 'ab'.repeat(32), bytes: 3 },
          ],
          bytes: 65_540,
          files: [],
          at: '2026-01-31T12:01:00.000Z',
        },
        stream: `erasure-${executionId}`,
      },
    );
    await models.project(storage);
    expect(await models.rows(largePayloads)).to.deep.equal([]);
    expect(await models.rows(storedBytes)).to.deep.equal([
      { organization_id: ORGANIZATION, bytes: '0', position: '2' },
    ]);
  });

  describe('as an acceptor of inputs knows it', () => {
    const open = async () => {
      const stored = openStoredBytes(models.pool, (error) => expect.fail(String(error)));
      await stored.refresh();
      return stored;
    };

    it('counts what others stored, and what it accepted itself only once', async () => {
      const one = storyOf();
      await models.append(sized(one.requested(1), 'input', 'in', 60));
      await models.project(storage);
      const stored = await open();
      expect(stored.reserve(ORGANIZATION, 41, 100)).to.equal(false);
      expect(stored.reserve(ORGANIZATION, 40, 100)).to.equal(true);
      expect(stored.reserve(ORGANIZATION, 1, 100)).to.equal(false);
      expect(stored.reserve(OTHER, 100, 100)).to.equal(true);
      await models.append(sized(storyOf().requested(2), 'input', 'in', 40));
      stored.landed(ORGANIZATION, 40, 1n);
      await stored.refresh();
      expect(stored.reserve(ORGANIZATION, 1, 100), 'not counted yet').to.equal(false);
      await models.project(storage);
      await stored.refresh();
      expect(stored.reserve(ORGANIZATION, 1, 100)).to.equal(false);
      expect(stored.reserve(ORGANIZATION, 1, 101), 'counted once').to.equal(true);
    });

    it('takes back what came to nothing', async () => {
      const stored = await open();
      expect(stored.reserve(ORGANIZATION, 100, 100)).to.equal(true);
      stored.release(ORGANIZATION, 100);
      expect(stored.reserve(ORGANIZATION, 100, 100)).to.equal(true);
    });

    it('keeps few figures, however long nothing is counted', async () => {
      const stored = await open();
      for (let round = 0; round < 100; round++) {
        expect(stored.reserve(ORGANIZATION, 1, 100)).to.equal(true);
        stored.landed(ORGANIZATION, 1, BigInt(1_000 + round));
        await stored.refresh();
      }
      expect(stored.reserve(ORGANIZATION, 1, 100)).to.equal(false);
      expect(stored.reserve(ORGANIZATION, 1, 101)).to.equal(true);
    });
  });
});
