import { expect } from 'chai';
import type { OrganizationId } from '../../contracts/ids.js';
import { parseCheckpoint } from '../../domain/proof/checkpoint.js';
import { leafHash } from '../../domain/proof/hashes.js';
import { parseNote, parseVerifier, signerOf } from '../../domain/proof/signed-note.js';
import { EMPTY_EDGE, growTree } from '../../domain/proof/tree.js';
import { hasCome } from './feed-events.js';
import { openSignedLog } from './signed-log.js';
import { openMemoryProofStore } from './testing/memory.js';

const organizationId: OrganizationId = 'org_11111111-1111-4111-8111-111111111111';
const at = (day: number) => `2026-01-0${day}T00:00:00.000Z`;

describe('a signed log', () => {
  const { signal } = new AbortController();

  async function grownTo(size: number) {
    const proofs = openMemoryProofStore();
    await proofs.begin('a/log', 'salts');
    const log = openSignedLog({ proofs, checkpointKey: Buffer.alloc(32, 7) });
    const tree = growTree(EMPTY_EDGE);
    const grow = async (to: number) => {
      const sizeBefore = tree.size;
      while (tree.size < to) tree.append(leafHash(`${tree.size}`));
      const growth = { sizeBefore, edge: tree.edge(), root: tree.root(), position: BigInt(to) };
      const places = Array.from({ length: to - sizeBefore }, (_, n) => ({
        leafIndex: sizeBefore + n,
        position: BigInt(sizeBefore + n + 1),
        positionBefore: BigInt(sizeBefore + n),
      }));
      const run = { organizationId, firstSequence: sizeBefore + 1, latest: at(to), places };
      expect(await proofs.grow({ ...growth, tiles: [], runs: [run] }, undefined)).to.equal('grown');
    };
    await grow(size);
    return { proofs, log, tree, grow };
  }

  it('signs at once for those who wait, and once for all of them', async () => {
    const { proofs, log, tree } = await grownTo(3);
    expect(await log.newest()).to.equal(undefined);
    const waiting = [2n, 3n, 3n].map((position) => log.covering(position, 5_000, signal));
    for (const covering of await Promise.all(waiting)) {
      expect(covering).to.deep.include({ isCovering: true });
      const note = parseNote(covering!.checkpoint.note)!;
      const keys = (await proofs.vkeys('a/log')).map((vkey) => parseVerifier(vkey)!);
      expect(signerOf(note, keys)).to.be.an('object');
      const signed = { origin: 'a/log', size: 3, root: tree.root() };
      expect(parseCheckpoint(note.text)).to.deep.equal(signed);
    }
    expect(await proofs.checkpoints('a/log', 0, 10)).to.have.length(1);
    expect((await log.covering(1n, 0, signal))?.isCovering).to.equal(true);
    expect(await proofs.checkpoints('a/log', 0, 10)).to.have.length(1);
  });

  it('waits for what comes, and rests between signatures', async () => {
    const { proofs, log, grow } = await grownTo(3);
    const began = performance.now();
    await log.covering(3n, 5_000, signal);
    const later = log.covering(4n, 5_000, signal);
    await grow(4);
    expect((await later)?.checkpoint.size).to.equal(4);
    expect(performance.now() - began).to.be.greaterThan(950);
    expect(await log.covering(9n, 0, signal)).to.deep.include({ isCovering: false });
    const sizes = (await proofs.checkpoints('a/log', 0, 10)).map(({ size }) => size);
    expect(sizes).to.deep.equal([3, 4]);
  });

  it('knows when a checkpoint has all before a moment', async () => {
    const { proofs, grow } = await grownTo(3);
    await grow(5);
    const asked = (day: number, size: number) =>
      hasCome(proofs, { organizationId, to: new Date(at(day)), size });
    expect(await asked(3, 2)).to.equal(false);
    expect(await asked(3, 3)).to.equal(true);
    expect(await asked(4, 4)).to.equal(false);
    expect(await asked(5, 5)).to.equal(true);
    expect(await asked(6, 5)).to.equal(false);
  });
});
