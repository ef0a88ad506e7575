import { expect } from 'chai';
import { Readable } from 'node:stream';
import { openRepositories } from '../../command-handling/repositories.js';
import type { FileId } from '../../contracts/ids.js';
import { openMemoryEventStore } from '../../infra/event-store/testing/memory.js';
import { fileId, owner } from '../../infra/files/testing/contract.js';
import { encryptedFiles } from '../../infra/files/testing/encrypted.js';
import type { Infra } from '../../runtime/infra.js';
import { expireFile, removeFile } from './file-timers.js';

const ORGANIZATION = 'org_11111111-1111-4111-8111-111111111111';
const KEY = 'key_44444444-4444-4444-8444-444444444444';
const metadata = { actor: 'processor:run-timers', correlationId: 'c', causationId: 'x' };
const content = { contentType: 'text/plain', format: 'txt', sizeBytes: 5, sha256: 'ab'.repeat(32) };
const DAY_MS = 86_400_000;
const START_MS = Date.parse('2026-01-01T00:00:00.000Z');

describe('timers of files', () => {
  const store = openMemoryEventStore();
  const files = encryptedFiles();
  const { fileRecords } = openRepositories(store);
  let nowMs = START_MS;
  let isUsed = false;
  let isBehind = false;
  const postedRemoved: FileId[] = [];
  const infra = {
    fileRecords,
    files,
    postedFiles: { remove: async (id: FileId) => void postedRemoved.push(id) },
    store,
    now: () => nowMs,
    progress: { passed: async () => !isBehind },
    readStore: { query: async () => ({ rows: isUsed ? [{}] : [] }) },
  } as unknown as Infra;
  beforeEach(() => {
    [nowMs, isUsed, isBehind] = [START_MS, false, false];
  });

  const stored = async (): Promise<FileId> => {
    const id = fileId();
    const at = new Date(START_MS).toISOString();
    const asked = {
      fileId: id,
      organizationId: ORGANIZATION,
      apiKeyId: KEY,
      purpose: 'INPUT',
    } as const;
    const ends = { ttlDays: 1, uploadExpiresAt: new Date(START_MS + 1_000).toISOString(), at };
    await fileRecords.transact(id, { type: 'RequestUpload', ...asked, ...ends }, metadata);
    await files.put(id, owner, Readable.from([Buffer.from('bytes')]), 5);
    await fileRecords.transact(id, { type: 'Confirm', content, at }, metadata);
    return id;
  };
  const timer = <K extends 'expire-file' | 'remove-file'>(kind: K, id: FileId) =>
    ({
      id: `${kind}/${id}`,
      kind,
      stream: `file-${id}`,
      dueAt: '',
      position: 1n,
      organizationId: ORGANIZATION,
      fileId: id,
    }) as const;
  const expire = (id: FileId) => expireFile(infra, timer('expire-file', id), metadata);
  const remove = (id: FileId) => removeFile(infra, timer('remove-file', id), metadata);
  const statusOf = async (id: FileId) => (await fileRecords.load(id)).state.status;

  it('let a file expire when its time is up, once', async () => {
    const id = await stored();
    expect(await expire(id)).to.deep.equal({ outcome: 'FileNotExpired' });
    nowMs += DAY_MS;
    expect(await expire(id)).to.deep.equal({ outcome: 'accepted' });
    expect(await expire(id)).to.deep.equal({ outcome: 'alreadyDone' });
    expect([await statusOf(id), await files.size(id)]).to.deep.equal(['gone', 5]);
  });

  it('wait while an execution uses the file', async () => {
    const id = await stored();
    nowMs += DAY_MS;
    isUsed = true;
    expect(await expire(id)).to.deep.equal({ outcome: 'in_use', againInMs: 2_000 });
    expect(await statusOf(id)).to.equal('stored');
    isUsed = false;
    await expire(id);
    isUsed = true;
    expect(await remove(id)).to.deep.equal({ outcome: 'in_use', againInMs: 2_000 });
    expect(await files.size(id)).to.equal(5);
  });

  it('remove bytes once nothing that the log had uses them, and again after a crash', async () => {
    const id = await stored();
    nowMs += DAY_MS;
    await expire(id);
    isBehind = true;
    expect(await remove(id)).to.deep.equal({ outcome: 'behind', againInMs: 1_000 });
    expect(await files.size(id)).to.equal(5);
    isBehind = false;
    await files.remove(id);
    expect(await remove(id)).to.deep.equal({ outcome: 'accepted' });
    expect(await remove(id)).to.deep.equal({ outcome: 'already_removed' });
    expect([await statusOf(id), await files.size(id)]).to.deep.equal(['removed', undefined]);
    expect(postedRemoved).to.deep.equal([id]);
  });

  it('leave what is not gone', async () => {
    const id = await stored();
    expect(await remove(id)).to.deep.equal({ outcome: 'already_stored' });
    expect(await files.size(id)).to.equal(5);
  });
});
