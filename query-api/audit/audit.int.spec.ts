import { expect } from 'chai';
import pg from 'pg';
import { EMPTY_ROOT, leafHash } from '../../domain/proof/hashes.js';
import { EMPTY_EDGE, growTree } from '../../domain/proof/tree.js';
import { StoreUnavailable } from '../../infra/event-store/port.js';
import { allMigrations } from '../../infra/migrations/all.js';
import { migrate } from '../../infra/postgres/migrate.js';
import { openPostgresProofStore } from '../../infra/proof-store/postgres.js';
import type { OrganizationId } from '../../contracts/ids.js';
import { openQueryServer, type QueryServer } from '../testing/kit.js';

const organizationId: OrganizationId = 'org_11111111-1111-4111-8111-111111111111';

describe('routes of proofs', function () {
  this.timeout(60_000);
  let server: QueryServer;

  before(async () => {
    server = await openQueryServer();
    await migrate(server.models.pool, allMigrations);
  });
  after(() => server.close());

  const statusOf = async (path: string) => (await fetch(`${server.baseUrl}/v1${path}`)).status;

  it('have nothing before something was signed', async () => {
    expect(await statusOf('/log/checkpoint')).to.equal(404);
    expect(await statusOf('/log/checkpoints')).to.equal(200);
    expect(await statusOf('/log/tile/0/000.p/1')).to.equal(404);
    expect(await statusOf('/log/proofs/inclusion?index=0&size=1')).to.equal(400);
    const auditor = await server.tenant(organizationId, 'AUDITOR');
    expect((await auditor.call('GET', '/audit/export')).status).to.equal(503);
    const inverted = '/audit/export?from=2026-02-01&to=2026-01-01';
    expect((await auditor.call('GET', inverted)).status).to.equal(400);
    const runner = await server.tenant(organizationId, 'EXECUTION_ONLY');
    expect((await runner.call('GET', '/audit/export')).status).to.equal(403);
    const unknown = '/executions/exec_11111111-1111-4111-8111-111111111111/receipt';
    expect((await runner.call('GET', unknown)).status).to.equal(404);
    expect((await runner.call('GET', `${unknown}?feilds=all`)).status).to.equal(400);
  });

  it('serve what was signed to anybody, and nothing beyond it', async () => {
    const proofs = openPostgresProofStore({ pool: server.models.pool });
    await proofs.begin('a/log', 'salts');
    const hashes = ['a', 'b', 'c'].map(leafHash);
    const tree = growTree(EMPTY_EDGE);
    for (const hash of hashes) tree.append(hash);
    const tiles = [{ level: 0, index: 0, hashes }];
    const growth = { sizeBefore: 0, edge: tree.edge(), root: tree.root(), position: 2n };
    const checkpoint = { origin: 'a/log', note: 'a note', vkey: 'a key' };
    expect(await proofs.grow({ ...growth, tiles, runs: [] }, checkpoint)).to.equal('grown');
    expect(await proofs.grow({ ...growth, tiles, runs: [] }, undefined)).to.equal('moved');
    const forked = { ...growth, sizeBefore: 3, root: EMPTY_ROOT, tiles: [], runs: [] };
    expect(await proofs.grow(forked, checkpoint)).to.equal('forked');
    const [note, tile] = await Promise.all(
      ['/log/checkpoint', '/log/tile/0/000.p/2'].map((path) =>
        fetch(`${server.baseUrl}/v1${path}`).then((answer) => answer.text()),
      ),
    );
    expect(note).to.equal('a note');
    expect(tile).to.have.length.above(0);
    expect(await statusOf('/log/tile/0/000.p/3')).to.equal(200);
    for (const path of ['000', '000.p/4', '000.p/03', '1', 'x000/000', '000.p', '../0'])
      expect(await statusOf(`/log/tile/0/${path}`), path).to.equal(404);
    expect(await statusOf('/log/proofs/consistency?from=2&to=3')).to.equal(200);
    for (const path of ['consistency?from=3&to=2', 'consistency?from=0&to=4', 'inclusion?size=3'])
      expect(await statusOf(`/log/proofs/${path}`), path).to.equal(400);
    const answer = await fetch(`${server.baseUrl}/v1/log/proofs/inclusion?index=1&size=3`);
    const body = (await answer.json()) as { leaf_hash: string; hashes: string[] };
    expect(body.leaf_hash).to.equal(Buffer.from(hashes[1]!, 'latin1').toString('base64'));
    expect(body.hashes).to.have.length(2);
  });

  it('are unavailable, and nothing else, while the database is away', async () => {
    const pool = new pg.Pool({ connectionString: 'postgres://127.0.0.1:1/none' });
    const proofs = openPostgresProofStore({ pool });
    const growth = { sizeBefore: 0, edge: EMPTY_EDGE, root: EMPTY_ROOT, position: 1n };
    const asked = [
      proofs.origin(),
      proofs.tiles([{ level: 0, index: 0 }]),
      proofs.begin('a/log', 'salts'),
      proofs.grow({ ...growth, tiles: [], runs: [] }, undefined),
    ];
    for (const answer of await Promise.allSettled(asked))
      expect(answer).to.have.property('reason').that.is.instanceOf(StoreUnavailable);
    await pool.end();
  });
});
