import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { pino } from 'pino';
import { consistencyIn, verifyFile } from '../../audit/offline/verify-file.js';
import { openStory, tellEverything, tellTold, type Story } from '../../audit/testing/story.js';
import { openLeafSalts } from '../../domain/proof/salts.js';
import { forkBetween } from '../../domain/proof/verify-previous.js';
import { parseVerifier } from '../../domain/proof/signed-note.js';
import { readIdentity } from '../../infra/event-store/identity.js';
import { openMetrics } from '../../infra/metrics.js';
import { exportFeed } from '../../infra/proof-store/export-feed.js';
import { openPostgresProofStore } from '../../infra/proof-store/postgres.js';
import { openSignedLog } from '../../infra/proof-store/signed-log.js';
import { openSecrets, signingSeed } from '../../infra/secrets.js';
import { StartError } from '../../infra/start-error.js';
import { growTreeUntil } from '../../processors/make-checkpoints/grow-tree.js';
import { eventually } from '../../testing/eventually.js';
import { temporaryFolder, type TemporaryFolder } from '../../testing/folders.js';
import { openInstallation, type Installation } from './testing/installation.js';

const KEYS = ['first', 'second'].map((name) =>
  signingSeed(`the ${name} key of a spec, 32 characters`),
);

describe('what was signed, in an archive', function () {
  this.timeout(60_000);
  let folder: TemporaryFolder;
  let story: Story;
  let old: Installation;
  const opened: Installation[] = [];

  before(async () => {
    folder = await temporaryFolder();
    old = await installation('postgres');
    story = openStory();
    tellEverything(story);
    await old.tell(story);
  });
  after(async () => {
    await Promise.all(opened.map((one) => one.close()));
    await folder.remove();
  });

  async function installation(...asked: Parameters<typeof openInstallation>) {
    const one = await openInstallation(...asked);
    opened.push(one);
    return one;
  }

  const proofsOf = async ({ readStore: pool }: Installation) => {
    const epoch = (await readIdentity(pool))?.epoch;
    return openPostgresProofStore({ pool, ...(epoch !== undefined && { epoch }) });
  };

  /** As a process that is started, until all that was told is signed. */
  async function sign(of: Installation, checkpointKey: Buffer, master = 'of the spec') {
    const proofs = await proofsOf(of);
    const ended = new AbortController();
    const growing = {
      checkpointKey,
      proofs,
      log: pino({ level: 'silent' }),
      metrics: openMetrics(),
      secrets: openSecrets(`a master key ${master}, 32 characters`),
      store: of.database.store,
    };
    let failed: unknown;
    const running = growTreeUntil(growing, ended.signal, () => undefined).catch(
      (error: unknown) => (failed = error),
    );
    await eventually('all is signed', async () => {
      const tree = await proofs.tree();
      const newest = tree && (await proofs.newest(tree.origin));
      const isSigned = tree?.edge.size === story.events.length && newest?.size === tree.edge.size;
      return isSigned || failed !== undefined;
    });
    ended.abort();
    await running;
    return failed;
  }

  async function exported(of: Installation, checkpointKey: Buffer, sinceSize?: number) {
    const proofs = await proofsOf(of);
    const signer = (await openSignedLog({ proofs, checkpointKey }).signer())!;
    const { leafSaltsKey } = openSecrets('a master key of the spec, 32 characters');
    const { store } = of.database;
    const sources = { proofs, store, signer, salts: openLeafSalts(leafSaltsKey) };
    const { organizationId } = story;
    const checkpoint = (await proofs.newest(signer.name))!;
    const wanted = { organizationId, checkpoint, sinceSize, from: undefined, to: undefined };
    let text = '';
    for await (const chunk of exportFeed(sources, wanted)) text += chunk;
    return { text, origin: signer.name };
  }

  let files = 0;
  async function verified(text: string, vkeys: readonly string[]) {
    const path = join(folder.dir, `export-${files++}`);
    await writeFile(path, text);
    const found = await verifyFile(
      path,
      vkeys.map((vkey) => parseVerifier(vkey)!),
    );
    if ('problem' in found) throw new Error(found.problem);
    return found.opened;
  }

  async function archiveOf(of: Installation, name: string) {
    const path = join(folder.dir, name);
    await mkdir(path);
    const { manifest } = await of.exportTo(path);
    return { path, manifest };
  }

  const signedIn = async (of: Installation, origin: string) =>
    (await proofsOf(of)).checkpoints(origin, 0, 1_000);

  it('holds after moves to EventStoreDB and back, with what was exported before', async () => {
    const [firstKey, secondKey] = KEYS as [Buffer, Buffer];
    expect(await sign(old, firstKey)).to.equal(undefined);
    const { text: earlier, origin } = await exported(old, firstKey);
    const sizeBefore = story.events.length;
    tellTold(story);
    await old.tell(story, sizeBefore);
    expect(await sign(old, secondKey)).to.equal(undefined);
    const { text: before } = await exported(old, secondKey, sizeBefore);
    const vkeys = await (await proofsOf(old)).vkeys(origin);
    expect(vkeys).to.have.length(2);

    let from = old;
    for (const kind of ['eventstoredb', 'postgres'] as const) {
      const { path, manifest } = await archiveOf(from, `to-${kind}`);
      const signed = await signedIn(from, origin);
      expect(manifest.proof).to.include({ keys: 2, checkpoints: signed.length });
      const target = await installation(kind);
      await target.importFrom(path);
      expect(await signedIn(target, origin)).to.deep.equal(signed);
      expect(await (await proofsOf(target)).vkeys(origin)).to.deep.equal(vkeys);
      expect(await sign(target, secondKey)).to.equal(undefined);
      const { text } = await exported(target, secondKey, sizeBefore);
      expect(text).to.equal(before);
      const [then, now] = [await verified(earlier, vkeys), await verified(text, vkeys)];
      expect(forkBetween(then.checkpoint, now.checkpoint, consistencyIn(now))).to.equal(undefined);
      from = target;
    }
  });

  it('stops a tree that is made with another master key', async () => {
    const { path } = await archiveOf(old, 'for-another-key');
    const target = await installation('postgres');
    await target.importFrom(path);
    expect(String(await sign(target, KEYS[0]!, 'of another'))).to.match(
      /not the one that was signed.* or MODELROUTE_MASTER_KEY is not the one of then$/,
    );
  });

  it('is refused where the target signed another log of the same name', async () => {
    const { path } = await archiveOf(old, 'for-a-fork');
    const target = await installation('postgres');
    const { origin } = await exported(old, KEYS[1]!);
    const [first] = await signedIn(old, origin);
    const proofs = await proofsOf(target);
    const [, other] = await signedIn(old, origin);
    await proofs.restore(origin, [{ ...first!, root: other!.root }]);
    const error: unknown = await target.importFrom(path).catch((reason: unknown) => reason);
    expect(error).to.be.instanceOf(StartError);
    expect((error as Error).message).to.match(
      /^The first \d+ events were signed with another root/,
    );
    expect(await signedIn(target, origin)).to.have.length(1);
    expect(await (await proofsOf(target)).tree()).to.equal(undefined);
  });
});
