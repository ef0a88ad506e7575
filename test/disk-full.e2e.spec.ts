/** F6: the disk of data folder and database runs full under load, and gets room again. */
import { open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import pg from 'pg';
import { runningPostgresUrl } from '../infra/postgres/embedded/embedded.js';
import { newTenant, type Answer, type Client, type ExecutionBody } from '../testing/client.js';
import { eventually } from '../testing/eventually.js';
import { smallDisk, type TemporaryFolder } from '../testing/folders.js';
import { skip } from '../testing/skip.js';
import { startSystem, type System } from '../testing/system.js';
import { accept, newKey, textOf, whenOver, whenSettled } from './testing/executions.js';

/** Programs, an empty cluster, some segments of its log; the rest is taken by a file of ours. */
const DISK_BYTES = 420 * 1024 * 1024;
/** In the log of PostgreSQL; a tenth more would be a file beside it. */
const INLINE_BYTES = 60_000;
const FILE_BYTES = 100_000;
const ANSWER_MS_MAX = 5_000;
const RECOVERY_MS_MAX = 30_000;

describe('a disk that runs full', function () {
  this.timeout(180_000);
  let disk: TemporaryFolder | undefined;
  let system: System;
  before(async function () {
    disk = await smallDisk(DISK_BYTES);
    if (!disk) return skip(this, 'nothing may be mounted here');
    const env = { MODELROUTE_PG_DIR: join(disk.dir, 'pg') };
    system = await startSystem({ dataDir: join(disk.dir, 'data'), env });
  });
  after(async () => {
    await system?.stop();
    await disk?.remove();
  });

  it('refuses what it cannot store, reads on, and works again once there is room', async () => {
    const { api } = await newTenant(system);
    const first = await accept(api, textOf('There is room'));
    await whenOver(api, first.id);
    const ballast = join(disk?.dir ?? '', 'ballast');
    await fill(ballast);

    expectRefusal(await submit(api, FILE_BYTES));
    const accepted = await submitUntilRefused(api);
    for (let times = 0; times < 5; times += 1) expectRefusal(await submit(api, INLINE_BYTES));
    expect((await api.execution(first.id)).body).to.include({ status: 'COMPLETED' });

    await rm(ballast);
    await expectWorking(api, accepted);
  });

  it('does so when PostgreSQL itself ends, since its log has no room', async () => {
    const { api } = await newTenant(system);
    const ballast = join(disk?.dir ?? '', 'ballast');
    const postmaster = await system.postmasterPid();
    await fill(ballast);
    await useUpLog(system);
    for (let times = 0; times < 5; times += 1) expectRefusal(await submit(api, INLINE_BYTES));

    await rm(ballast);
    await expectWorking(api, []);
    expect(await system.postmasterPid()).not.to.equal(postmaster);
    const { code, output } = await system.command('verify', '--settled');
    expect(code, output).to.equal(0);
  });

  async function expectWorking(api: Client, accepted: readonly Accepted[]): Promise<void> {
    const last = await eventually(
      'a submission is accepted',
      async () => {
        const { key, answer } = await submit(api, FILE_BYTES);
        return answer.status === 202 ? { key, id: answer.body.id, bytes: FILE_BYTES } : undefined;
      },
      RECOVERY_MS_MAX,
    );
    for (const { key, id, bytes } of [...accepted, last]) {
      const again = await api.submit(bodyOf(bytes), key);
      expect([again.status, again.body.id], again.text).to.deep.equal([202, id]);
      await whenOver(api, id, 60_000);
      await whenSettled(api, id);
    }
  }
});

interface Accepted {
  readonly key: string;
  readonly id: string;
  readonly bytes: number;
}

/** Asks for segments of the log until the server ends. */
async function useUpLog({ dataDir }: System): Promise<void> {
  const connectionString = await runningPostgresUrl(dataDir);
  if (!connectionString) throw new Error('no database runs');
  const client = new pg.Client({ connectionString, connectionTimeoutMillis: 2_000 });
  client.on('error', () => undefined);
  await client.connect();
  const ended = async () => {
    for (let times = 0; times < 64; times += 1)
      await client.query("select pg_logical_emit_message(false, 'spec', ''), pg_switch_wal()");
  };
  const outcome = await ended().catch((error: Error) => error);
  await client.end().catch(() => undefined);
  expect(outcome, 'the log still has room').to.be.instanceOf(Error);
}

async function fill(path: string): Promise<void> {
  const file = await open(path, 'w');
  try {
    for (const size of [1024 * 1024, 4096])
      for (let isFull = false; !isFull;)
        isFull = await file.write(Buffer.alloc(size)).then(
          ({ bytesWritten }) => bytesWritten < size,
          () => true,
        );
  } finally {
    await file.close();
  }
}

interface Submitted {
  readonly key: string;
  readonly answer: Answer<ExecutionBody>;
  readonly tookMs: number;
}

const bodyOf = (bytes: number) => textOf('A river '.repeat(bytes / 8));

async function submit(api: Client, bytes: number): Promise<Submitted> {
  const [key, began] = [newKey(), performance.now()];
  const answer = await api.submit(bodyOf(bytes), key);
  return { key, answer, tookMs: performance.now() - began };
}

function expectRefusal({ answer, tookMs }: Submitted): void {
  expect(answer.status, answer.text).to.equal(503);
  expect(Number(answer.headers['retry-after'])).to.be.greaterThan(0);
  expect(tookMs).to.be.below(ANSWER_MS_MAX);
}

/** Tables and the log may have room left in what they hold already. */
async function submitUntilRefused(api: Client): Promise<Accepted[]> {
  const accepted: Accepted[] = [];
  let isFull = false;
  async function client(): Promise<void> {
    while (!isFull) {
      const submitted = await submit(api, INLINE_BYTES);
      const { key, answer } = submitted;
      const { id } = answer.body;
      if (answer.status === 202) accepted.push({ key, id, bytes: INLINE_BYTES });
      else {
        expectRefusal(submitted);
        isFull = true;
      }
    }
  }
  await Promise.all(Array.from({ length: 8 }, client));
  return accepted;
}
