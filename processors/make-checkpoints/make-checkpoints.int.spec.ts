import { expect } from 'chai';
import { feedOf } from '../../domain/feed/feed-event.js';
import { parseCheckpoint } from '../../domain/proof/checkpoint.js';
import { leafHash } from '../../domain/proof/hashes.js';
import { leafTextOf } from '../../domain/proof/leaf.js';
import { openLeafSalts } from '../../domain/proof/salts.js';
import { parseNote, parseVerifier, signerOf } from '../../domain/proof/signed-note.js';
import { EMPTY_EDGE, growTree } from '../../domain/proof/tree.js';
import { START } from '../../infra/event-store/port.js';
import type { Infra } from '../../runtime/infra.js';
import { projectorWorkers } from '../../projectors/app.js';
import { openSpecInfra, type SpecInfra } from '../../runtime/testing/spec-infra.js';
import { eventually } from '../../testing/eventually.js';
import { ask } from '../testing/kit.js';
import { growTreeUntil } from './grow-tree.js';
import { makeCheckpoints } from './make-checkpoints.js';

describe('make-checkpoints', function () {
  this.timeout(60_000);
  let spec: SpecInfra;

  before(async () => {
    spec = await openSpecInfra();
  });
  after(() => spec.close());

  /** Every root that the log's tree had, by size, made anew from the log alone. */
  async function rootsOf({ store, secrets }: Infra) {
    const salts = openLeafSalts(secrets.leafSaltsKey);
    const { events } = await store.readAll(START, 10_000);
    const counts = new Map<string, number>();
    const tree = growTree(EMPTY_EDGE);
    return events.map((event) => {
      const organizationId = feedOf(event) ?? '';
      const sequence = (counts.get(organizationId) ?? 0) + 1;
      counts.set(organizationId, sequence);
      tree.append(leafHash(leafTextOf(event, sequence, salts)));
      return tree.root();
    });
  }

  /** Every checkpoint that was signed is of the log's own tree, by a key that is served. */
  async function expectSigned(infra: Infra): Promise<number> {
    const roots = await rootsOf(infra);
    const origin = (await infra.proofs.tree())!.origin;
    const verifiers = (await infra.proofs.vkeys(origin)).map((vkey) => parseVerifier(vkey)!);
    const checkpoints = await infra.proofs.checkpoints(origin, 0, 10_000);
    for (const { size, root, note } of checkpoints) {
      expect(signerOf(parseNote(note)!, verifiers)).to.be.an('object');
      expect(parseCheckpoint(parseNote(note)!.text)).to.deep.equal({ origin, size, root });
      expect(root).to.equal(roots[size - 1]);
    }
    return checkpoints.length;
  }

  const isGrown = async ({ proofs, store }: Infra) => {
    const tree = await proofs.tree();
    return tree !== undefined && tree.position === (await store.head());
  };
  const newestSize = async ({ proofs }: Infra) => {
    const tree = await proofs.tree();
    return tree && (await proofs.newest(tree.origin))?.size === tree.edge.size;
  };

  it('signs the whole log, soon after it changed', async () => {
    for (let n = 0; n < 5; n++) await ask(spec.infra);
    const stop = spec.run([makeCheckpoints(spec.infra)]);
    await eventually('it is signed', () => newestSize(spec.infra));
    await ask(spec.infra);
    await eventually('it has grown', () => isGrown(spec.infra));
    await eventually('it is signed again', () => newestSize(spec.infra));
    await stop();
    expect(await expectSigned(spec.infra)).to.be.at.least(2);
    const tree = await spec.infra.proofs.tree();
    expect(tree?.edge.size).to.equal((await rootsOf(spec.infra)).length);
  });

  it('goes on from where it was killed, and grows one tree with two at it', async () => {
    const other = await spec.another();
    for (let round = 0; round < 6; round++) {
      const ended = new AbortController();
      const { signal } = ended;
      let grown = 0;
      const runs = [spec.infra, other.infra].map((infra) =>
        growTreeUntil(infra, signal, () => void grown++).catch((error: unknown) => String(error)),
      );
      for (let n = 0; n < 3; n++) await ask(round % 2 ? spec.infra : other.infra);
      await eventually('it grew', () => grown > 0);
      ended.abort();
      const outcomes = await Promise.all(runs);
      for (const outcome of outcomes)
        expect([undefined, 'Error: another process grew the tree meanwhile']).to.include(outcome);
    }
    const stop = spec.run([makeCheckpoints(spec.infra)]);
    await eventually('it is signed', () => newestSize(spec.infra));
    await stop();
    await expectSigned(spec.infra);
    const tree = await spec.infra.proofs.tree();
    expect(tree?.edge.size).to.equal((await rootsOf(spec.infra)).length);
    expect(tree?.position).to.equal(await spec.infra.store.head());
  });

  it('counts each feed as the feed itself does', async () => {
    const { infra } = spec;
    const stop = spec.run([...projectorWorkers(infra), makeCheckpoints(infra)]);
    await eventually('it has grown', () => isGrown(infra));
    expect(await infra.progress.passed('feed', await infra.store.head(), 20_000)).to.equal(true);
    await stop();
    const countsIn = async (table: string) => {
      const asked = `SELECT organization_id, sequence FROM ${table} ORDER BY organization_id`;
      return (await infra.readStore.query<{ sequence: bigint }>(asked)).rows;
    };
    const counts = await countsIn('readmodel.feed_heads');
    expect(counts.length).to.be.greaterThan(1);
    expect(await countsIn('proof.feed_counts')).to.deep.equal(counts);
  });

  it('makes the tree again after the log has moved, and signs nothing else of a size', async () => {
    await spec.infra.readStore.query(`UPDATE processing.log_identity SET epoch = 'moved'`);
    const moved = await spec.another();
    expect(await moved.infra.proofs.tree()).to.equal(undefined);
    const before = await expectedOrigin(spec.infra);
    const stop = spec.run([makeCheckpoints(moved.infra)]);
    await eventually('it has grown', () => isGrown(moved.infra));
    await stop();
    expect((await moved.infra.proofs.tree())?.origin).to.equal(before);
    await expectSigned(moved.infra);
    const growth = { ...emptyGrowth, root: leafHash('another') };
    const size = (await moved.infra.proofs.tree())!.edge.size;
    const checkpoint = { origin: before, note: 'forged', vkey: 'none' };
    const edge = { size, peaks: [] };
    expect(
      await moved.infra.proofs.grow({ ...growth, sizeBefore: size, edge }, checkpoint),
    ).to.equal('forked');
    expect(await spec.infra.proofs.grow({ ...growth, sizeBefore: size, edge }, undefined)).to.equal(
      'moved',
    );
  });

  it('stops where the log is not the one that was signed', async () => {
    const { readStore } = spec.infra;
    await readStore.query('ALTER TABLE eventstore.events DISABLE TRIGGER USER');
    await readStore.query(
      `UPDATE eventstore.events SET data = replace(data, '"amount":"', '"amount":"1')
       WHERE position = (SELECT min(position) FROM eventstore.events WHERE type = 'HoldPlaced')`,
    );
    await readStore.query(
      'ALTER TABLE eventstore.events ENABLE ALWAYS TRIGGER events_are_never_changed',
    );
    await readStore.query(`UPDATE processing.log_identity SET epoch = 'moved again'`);
    const moved = await spec.another();
    const failed = await growTreeUntil(
      moved.infra,
      new AbortController().signal,
      () => undefined,
    ).catch((error: unknown) => String(error));
    expect(failed).to.match(/the log is not the one that was signed: its first \d+ events/);
  });
});

const emptyGrowth = { position: 0n, tiles: [], runs: [] };

const expectedOrigin = async ({ proofs }: Infra): Promise<string> =>
  (await proofs.tree())?.origin ?? '';
