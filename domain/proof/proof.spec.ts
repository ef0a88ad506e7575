import { expect } from 'chai';
import fc from 'fast-check';
import { checkpointText, parseCheckpoint } from './checkpoint.js';
import { EMPTY_ROOT, HASH_BYTES, hashFromBase64, hashToBase64, leafHash } from './hashes.js';
import { nodeHash, type TreeHash } from './hashes.js';
import {
  consistencyRanges,
  includes,
  inclusionRanges,
  isConsistent,
  leadsTo,
  proofOf,
} from './proofs.js';
import { openSigner, parseNote, parseVerifier, signerOf, signNote } from './signed-note.js';
import {
  hasHashes,
  nodeIn,
  parseTilePath,
  tileOfNode,
  tilePath,
  TILE_HEIGHT,
  widthIn,
} from './tiles.js';
import { coverOf, EMPTY_EDGE, growTree, rootOf, type NodeId } from './tree.js';

const hex = (hash: TreeHash) => Buffer.from(hash, 'latin1').toString('hex');

/** The definition of RFC 6962, section 2.1. */
function definedRoot(leaves: readonly TreeHash[]): TreeHash {
  const [first] = leaves;
  if (first === undefined) return EMPTY_ROOT;
  if (leaves.length === 1) return first;
  let split = 1;
  while (split * 2 < leaves.length) split *= 2;
  return nodeHash(definedRoot(leaves.slice(0, split)), definedRoot(leaves.slice(split)));
}

const leavesOf = (size: number) => Array.from({ length: size }, (_, n) => leafHash(`leaf ${n}`));

function grown(leaves: readonly TreeHash[]) {
  const nodes = new Map<string, TreeHash>();
  const tree = growTree(EMPTY_EDGE, (level, index, node) => nodes.set(`${level}/${index}`, node));
  for (const leaf of leaves) tree.append(leaf);
  const nodeAt = ({ level, index }: NodeId) => nodes.get(`${level}/${index}`) as TreeHash;
  return { tree, nodes, nodeAt };
}

describe('Merkle tree of RFC 6962', () => {
  it('has the roots of the reference vectors of Certificate Transparency', () => {
    const texts = ['', '\u0000', '\u0010', ' !', '01', '@ABC', 'PQRSTUVW', '`abcdefghijklmno'];
    const tree = growTree(EMPTY_EDGE);
    expect(hex(tree.root())).to.equal(
      'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
    );
    const roots = texts.map((text) => {
      tree.append(leafHash(text));
      return hex(tree.root());
    });
    expect(roots).to.deep.equal([
      '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d',
      'fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125',
      'aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77',
      'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7',
      '4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4',
      '76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef',
      'ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c',
      '5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328',
    ]);
  });

  it('is the tree of the definition, also when it goes on from its edge', () => {
    fc.assert(
      fc.property(fc.nat(300), fc.nat(300), (before, more) => {
        const leaves = leavesOf(before + more);
        const first = grown(leaves.slice(0, before)).tree;
        const tree = growTree(first.edge());
        for (const leaf of leaves.slice(before)) tree.append(leaf);
        expect(first.root()).to.equal(definedRoot(leaves.slice(0, before)));
        expect(tree.root()).to.equal(definedRoot(leaves));
        expect(tree.edge().peaks.length).to.equal(coverOf(0, leaves.length).length);
      }),
      { numRuns: 60 },
    );
  });

  it('takes subtrees where it ends at their beginning, and nowhere else', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 400 }), fc.nat(399), (size, cut) => {
        const leaves = leavesOf(size);
        const { nodeAt, tree } = grown(leaves);
        const again = growTree(EMPTY_EDGE);
        const at = Math.min(cut, size);
        const parts = [...coverOf(0, at), ...coverOf(at, size)];
        for (const node of parts) expect(again.appendNode(node.level, nodeAt(node))).to.equal(true);
        expect(again.root()).to.equal(tree.root());
        if (size % 2 === 1) expect(again.appendNode(1, leaves[0] as TreeHash)).to.equal(false);
      }),
      { numRuns: 60 },
    );
  });
});

describe('proofs of RFC 9162', () => {
  const size = 137;
  const leaves = leavesOf(size);
  const { nodeAt, tree } = grown(leaves);
  const root = tree.root();

  it('shows each leaf to be where it is, and nowhere else', () => {
    for (const [index, leaf] of leaves.entries()) {
      const proof = proofOf(inclusionRanges(index, size), nodeAt);
      const given = { index, size, leaf, proof, root };
      expect(includes(given)).to.equal(true);
      expect(includes({ ...given, index: (index + 1) % size })).to.equal(false);
      expect(includes({ ...given, leaf: leafHash('another') })).to.equal(false);
      expect(includes({ ...given, proof: proof.slice(1) })).to.equal(false);
      expect(includes({ ...given, proof: [...proof, root] })).to.equal(false);
      expect(includes({ ...given, index: index + size })).to.equal(false);
    }
  });

  it('shows each tree to be the beginning of every later one', () => {
    for (let before = 1; before <= size; before++) {
      const rootBefore = grown(leaves.slice(0, before)).tree.root();
      const proof = before < size ? proofOf(consistencyRanges(before, size), nodeAt) : [];
      const given = { before, rootBefore, size, root, proof };
      expect(isConsistent(given), `${before}`).to.equal(true);
      expect(isConsistent({ ...given, rootBefore: leafHash('other') })).to.equal(false);
      expect(isConsistent({ ...given, root: leafHash('other') })).to.equal(false);
      expect(isConsistent({ ...given, proof: [...proof, root] })).to.equal(false);
      if (proof.length > 0)
        expect(isConsistent({ ...given, proof: proof.slice(1) })).to.equal(false);
    }
    expect(isConsistent({ before: 0, rootBefore: EMPTY_ROOT, size, root, proof: [] })).to.equal(
      true,
    );
    const longer = { before: size + 1, rootBefore: root, size, root, proof: [] };
    expect(isConsistent(longer)).to.equal(false);
  });

  it('tells a proof that leads elsewhere, without the root of the smaller tree', () => {
    for (let before = 1; before < size; before++) {
      const proof = proofOf(consistencyRanges(before, size), nodeAt);
      const given = { before, size, root, proof };
      expect(leadsTo(given), `${before}`).to.equal(true);
      expect(leadsTo({ ...given, proof: proof.slice(1) })).to.equal(false);
      expect(leadsTo({ ...given, proof: [...proof, root] })).to.equal(false);
      const isPower = Number.isInteger(Math.log2(before));
      expect(leadsTo({ ...given, root: leafHash('other') })).to.equal(isPower);
      expect(leadsTo({ ...given, proof: [leafHash('other'), ...proof.slice(1)] })).to.equal(
        isPower,
      );
    }
    for (const before of [0, size, size + 1])
      expect(leadsTo({ before, size, root, proof: [] })).to.equal(false);
  });
});

describe('tiles of C2SP tlog-tiles', () => {
  it('writes a path in groups of three digits, and reads it back', () => {
    const path = { level: 4, index: 1_234_067, width: 8 };
    expect(tilePath(path)).to.equal('tile/4/x001/x234/067.p/8');
    expect(parseTilePath('tile/4/x001/x234/067.p/8')).to.deep.equal(path);
    expect(parseTilePath('tile/0/000')).to.deep.equal({ level: 0, index: 0, width: 256 });
    for (const wrong of [
      'tile/0/0',
      'tile/00/000',
      'tile/0/x000/000',
      'tile/0/000.p/0',
      'tile/0/000.p/256',
      'tile/6/000',
      'tile/0/x001/1000',
    ])
      expect(parseTilePath(wrong), wrong).to.equal(undefined);
  });

  it('has every node of a tree', () => {
    const size = 1_000;
    const tiles = new Map<string, Buffer[]>();
    const { nodes } = grown(leavesOf(size));
    for (const [name, node] of nodes) {
      const [level = 0, index = 0] = name.split('/').map(Number);
      if (level % TILE_HEIGHT !== 0) continue;
      const tile = `${level / TILE_HEIGHT}/${Math.floor(index / 256)}`;
      tiles.set(tile, [...(tiles.get(tile) ?? []), Buffer.from(node, 'latin1')]);
    }
    for (const [name, node] of nodes) {
      const [level = 0, index = 0] = name.split('/').map(Number);
      const { tile, first, count } = tileOfNode({ level, index });
      const hashes = Buffer.concat(tiles.get(`${tile.level}/${tile.index}`) ?? []);
      expect(hashes.length).to.equal(widthIn(size, tile) * HASH_BYTES);
      expect(hasHashes(hashes, first, count)).to.equal(true);
      expect(nodeIn(hashes, first, count)).to.equal(node);
      const narrower = hashes.subarray(0, (first + count) * HASH_BYTES - 1);
      expect(hasHashes(narrower, first, count)).to.equal(false);
    }
  });
});

describe('signed notes of C2SP', () => {
  const VKEY = 'PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW';
  const NOTE =
    'If you think cryptography is the answer to your problem,\n' +
    "then you don't know what your problem is.\n\n" +
    '— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotp' +
    'RZb6KE6RyyBwJnAM=\n';

  it("verifies the note of Go's own tests, and not another text under its signature", () => {
    const verifier = parseVerifier(VKEY)!;
    expect(verifier.vkey).to.equal(VKEY);
    const note = parseNote(NOTE)!;
    expect(signerOf(note, [verifier])).to.equal(verifier);
    expect(signerOf({ ...note, text: `${note.text}.` }, [verifier])).to.equal('forged');
    expect(signerOf(note, [])).to.equal('unknown');
  });

  it('signs what its verifier opens, and no other key', () => {
    const [signer, other] = [1, 2].map((byte) => openSigner('a/log', Buffer.alloc(32, byte)));
    const text = checkpointText({ origin: 'a/log', size: 7, root: EMPTY_ROOT });
    const note = signNote(text, signer!);
    const verifier = parseVerifier(signer!.vkey)!;
    expect(signerOf(parseNote(note)!, [verifier])).to.equal(verifier);
    expect(signerOf(parseNote(note)!, [other!])).to.equal('unknown');
    expect(signNote(text, signer!)).to.equal(note);
    const forged = note.replace('\n7\n', '\n8\n');
    expect(signerOf(parseNote(forged)!, [verifier])).to.equal('forged');
  });

  it('refuses what is no note and no key', () => {
    const { length } = NOTE;
    const notes = ['', 'text\n', NOTE.slice(0, length - 1), NOTE.replace('— ', '- '), `${NOTE}\n`];
    for (const wrong of notes) expect(parseNote(wrong)).to.equal(undefined);
    for (const wrong of ['', 'a+b+c', VKEY.replace('c74f20a3', 'c74f20a4'), `${VKEY}AA`])
      expect(parseVerifier(wrong)).to.equal(undefined);
  });
});

describe('checkpoints of C2SP', () => {
  it('reads what it writes, and nothing that is written otherwise', () => {
    const checkpoint = { origin: 'a/log', size: 12, root: leafHash('x') };
    const text = checkpointText(checkpoint);
    expect(parseCheckpoint(text)).to.deep.equal(checkpoint);
    expect(parseCheckpoint(`${text}extension\n`)).to.deep.equal(checkpoint);
    for (const wrong of ['', text.slice(0, -1), text.replace('12', '012'), text.replace('=', '')])
      expect(parseCheckpoint(wrong)).to.equal(undefined);
    expect(hashFromBase64(hashToBase64(checkpoint.root))).to.equal(checkpoint.root);
    expect(rootOf([])).to.equal(EMPTY_ROOT);
  });
});
