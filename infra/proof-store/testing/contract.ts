/** What every keeper of the tree and of its checkpoints must do. */
import { expect } from 'chai';
import type { OrganizationId } from '../../../contracts/ids.js';
import { leafHash, type TreeHash } from '../../../domain/proof/hashes.js';
import type { Growth } from '../../../domain/proof/log-tree.js';
import { EMPTY_EDGE, growTree } from '../../../domain/proof/tree.js';
import { START } from '../../event-store/port.js';
import type { ProofStore, StoredCheckpoint } from '../port.js';

interface ProofStoreHarness {
  readonly proofs: ProofStore;
  close(): Promise<void>;
}

const ORIGIN = 'a/log';
const one: OrganizationId = 'org_11111111-1111-4111-8111-111111111111';
const other: OrganizationId = 'org_22222222-2222-4222-8222-222222222222';
const checkpoint = { origin: ORIGIN, note: 'a note', vkey: 'first' };

/** The whole tree of a size, as one growth of an empty one. */
function grownTo(size: number): Growth {
  const hashes = Array.from({ length: size }, (_, n) => leafHash(`${n}`));
  const levels: TreeHash[][] = [[], []];
  const tree = growTree(EMPTY_EDGE, (level, _, node) => levels[level / 8]?.push(node));
  for (const hash of hashes) tree.append(hash);
  const tiles = levels.flatMap((all, level) =>
    Array.from({ length: Math.ceil(all.length / 256) }, (_, index) => ({
      level,
      index,
      hashes: all.slice(index * 256, (index + 1) * 256),
    })),
  );
  const grown = { sizeBefore: 0, edge: tree.edge(), root: tree.root(), position: BigInt(size) };
  return { ...grown, tiles, runs: [] };
}

const place = (leafIndex: number) => ({
  leafIndex,
  position: BigInt(10 * leafIndex),
  positionBefore: BigInt(10 * leafIndex - 10),
});

const stored = (size: number, text: string): StoredCheckpoint => ({
  size,
  root: leafHash(text),
  note: text,
  signedAt: new Date(1_767_225_600_000 + size),
});

export function proofStoreContract(name: string, open: () => Promise<ProofStoreHarness>): void {
  describe(`proof store contract: ${name}`, function () {
    this.timeout(30_000);
    let harness: ProofStoreHarness;
    beforeEach(async () => {
      harness = await open();
    });
    afterEach(() => harness.close());
    const the = () => harness.proofs;
    growsOneTree(the);
    keepsWhatWasSigned(the);
    findsPlaces(the);
  });
}

function growsOneTree(the: () => ProofStore): void {
  it('begins one tree, which is empty', async () => {
    expect([await the().origin(), await the().tree()]).to.deep.equal([undefined, undefined]);
    await the().begin(ORIGIN, 'salts');
    await the().begin('another', 'others');
    const begun = { origin: ORIGIN, saltsId: 'salts', position: START, edge: EMPTY_EDGE };
    expect(await the().tree()).to.deep.equal({ ...begun, openTiles: [] });
    expect(await the().origin()).to.equal(ORIGIN);
  });

  it('grows it, and gives back its edge and the tiles that are open', async () => {
    await the().begin(ORIGIN, 'salts');
    const growth = grownTo(300);
    expect(await the().grow(growth, undefined)).to.equal('grown');
    const tree = await the().tree();
    expect(tree).to.deep.include({ edge: growth.edge, position: 300n });
    const widths = tree?.openTiles.map(({ level, index, hashes }) => [level, index, hashes.length]);
    expect(widths).to.deep.equal([
      [0, 1, 44],
      [1, 0, 1],
    ]);
    const tiles = await the().tiles([
      { level: 0, index: 0 },
      { level: 0, index: 2 },
    ]);
    expect([...tiles].map(([name, bytes]) => [name, bytes.length])).to.deep.equal([['0/0', 8192]]);
  });

  it('grows it once from one size, and stores nothing of what is refused', async () => {
    await the().begin(ORIGIN, 'salts');
    const growth = grownTo(3);
    const grown = await Promise.all([
      the().grow(growth, checkpoint),
      the().grow(growth, undefined),
    ]);
    expect(grown.sort()).to.deep.equal(['grown', 'moved']);
    const run = { organizationId: one, firstSequence: 1, latest: '2026-01-01T00:00:00.000Z' };
    const forked = { ...growth, sizeBefore: 3, root: leafHash('x'), position: 9n };
    expect(await the().grow({ ...growth, sizeBefore: 3 }, checkpoint)).to.equal('grown');
    const runs = [{ ...run, places: [place(1)] }];
    expect(await the().grow({ ...forked, runs }, checkpoint)).to.equal('forked');
    expect(await the().tree()).to.deep.include({ position: 3n });
    expect(await the().runs(one, 1, 10)).to.deep.equal([]);
    expect((await the().feedEnds([one])).size).to.equal(0);
  });
}

function keepsWhatWasSigned(the: () => ProofStore): void {
  it('keeps one checkpoint of a size, and finds it', async () => {
    await the().begin(ORIGIN, 'salts');
    await the().grow(grownTo(3), checkpoint);
    const again = { ...grownTo(3), sizeBefore: 3 };
    expect(await the().grow(again, { ...checkpoint, note: 'other' })).to.equal('grown');
    const found = await the().newest(ORIGIN);
    expect(found).to.deep.include({ size: 3, root: grownTo(3).root, note: 'a note' });
    expect(await the().checkpoint(ORIGIN, 3)).to.deep.equal(found);
    expect(await the().checkpoint(ORIGIN, 2)).to.equal(undefined);
    expect(await the().newest(ORIGIN, 2)).to.equal(undefined);
    expect(await the().newest('another')).to.equal(undefined);
  });

  it('signs what is stored, and only more than was signed, with a rest between', async () => {
    await the().begin(ORIGIN, 'salts');
    expect(await the().head()).to.deep.include({ origin: ORIGIN, edge: EMPTY_EDGE });
    await the().grow(grownTo(3), undefined);
    const head = await the().head();
    expect(head).to.deep.include({ edge: grownTo(3).edge, position: 3n });
    await the().sign(grownTo(4), { ...checkpoint, note: 'not stored' }, 0);
    expect(await the().newest(ORIGIN)).to.equal(undefined);
    await the().sign(grownTo(3), checkpoint, 60_000);
    const found = await the().newest(ORIGIN);
    expect(found).to.deep.include({ size: 3, root: grownTo(3).root, note: 'a note' });
    expect(await the().vkeys(ORIGIN)).to.deep.equal(['first']);
    await the().grow({ ...grownTo(5), sizeBefore: 3 }, undefined);
    await the().sign(grownTo(2), { ...checkpoint, note: 'smaller' }, 0);
    await the().sign(grownTo(5), { ...checkpoint, note: 'too soon' }, 60_000);
    expect(await the().checkpoints(ORIGIN, 0, 10)).to.deep.equal([found]);
    await the().sign(grownTo(5), { ...checkpoint, note: 'later' }, 0);
    expect(await the().newest(ORIGIN)).to.deep.include({ size: 5, note: 'later' });
  });

  it('restores what comes from elsewhere, all or none of it', async () => {
    const given = [stored(2, 'two'), stored(5, 'five'), stored(7, 'seven')];
    expect(await the().restore(ORIGIN, given)).to.equal(undefined);
    expect(await the().restore(ORIGIN, [])).to.equal(undefined);
    expect(await the().restore(ORIGIN, given)).to.equal(undefined);
    expect(
      await the().restore(ORIGIN, [stored(1, 'one'), stored(7, 'x'), stored(5, 'x')]),
    ).to.equal(5);
    expect(await the().checkpoints(ORIGIN, 0, 10)).to.deep.equal(given);
    expect(await the().checkpoints(ORIGIN, 2, 1)).to.deep.equal([given[1]]);
    expect(await the().newest(ORIGIN, 6)).to.deep.equal(given[1]);
  });

  it('keeps each key that has signed, the newest first', async () => {
    for (const vkey of ['first', 'second', 'first']) await the().addVkey(ORIGIN, vkey);
    await the().addVkey('another', 'third');
    expect(await the().vkeys(ORIGIN)).to.deep.equal(['second', 'first']);
    expect(await the().vkeys('none')).to.deep.equal([]);
  });
}

function findsPlaces(the: () => ProofStore): void {
  it('finds events of a feed by number, position and time', async () => {
    await the().begin(ORIGIN, 'salts');
    const at = (day: number) => `2026-01-0${day}T00:00:00.000Z`;
    const first = { firstSequence: 1, places: [place(1), place(3)] };
    const second = { firstSequence: 3, places: [place(4)] };
    const growth = grownTo(5);
    const runs = [
      { organizationId: one, latest: at(2), ...first },
      { organizationId: other, latest: at(5), firstSequence: 1, places: [place(2)] },
    ];
    await the().grow({ ...growth, runs }, undefined);
    const more = [{ organizationId: one, latest: at(4), ...second }];
    await the().grow({ ...growth, sizeBefore: 5, runs: more }, undefined);
    expect(await the().runs(one, 2, 10)).to.deep.equal([first, second]);
    expect(await the().runs(one, 1, 1)).to.deep.equal([first]);
    expect(await the().runs(one, 3, 10)).to.deep.equal([second]);
    expect(await the().runAt(one, 30n)).to.deep.equal(first);
    for (const position of [5n, 20n, 90n])
      expect(await the().runAt(one, position)).to.equal(undefined);
    const since = (day: number) => the().firstRunSince(one, new Date(at(day)));
    expect(await Promise.all([1, 2, 3, 4, 5].map(since))).to.deep.equal([1, 1, 3, 3, undefined]);
    const ends = await the().feedEnds([one, other]);
    expect(ends.get(one)).to.deep.equal({ sequence: 3, latest: at(4) });
    expect(ends.get(other)).to.deep.equal({ sequence: 1, latest: at(5) });
  });
}
