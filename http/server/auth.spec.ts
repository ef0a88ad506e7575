import { expect } from 'chai';
import { randomBytes } from 'node:crypto';
import { setImmediate as turn } from 'node:timers/promises';
import { openRepositories, type Repositories } from '../../command-handling/repositories.js';
import { openMemoryEventStore } from '../../infra/event-store/testing/memory.js';
import { StoreUnavailable, type EventStore } from '../../infra/event-store/port.js';
import { apiKeyText, isApiKeyText } from './api-key-text.js';
import { openAuthenticator, type Authenticator } from './auth.js';
import { Refusal } from './route.js';
import { ADMIN_KEY, createKey, ORGANIZATION, revokeKey } from './testing/kit.js';

describe('API key text', () => {
  it('carries a check sum over what precedes it', () => {
    const text = apiKeyText(Buffer.alloc(32, 0x3f));
    expect(text).to.match(/^sk_[0-9a-f]{64}_[0-9a-f]{8}$/);
    expect(isApiKeyText(text)).to.equal(true);
  });

  it('is refused with any one character changed, added or left out', () => {
    const text = apiKeyText(randomBytes(32));
    for (let at = 0; at < text.length; at++) {
      const other = text[at] === '0' ? '1' : '0';
      expect(isApiKeyText(`${text.slice(0, at)}${other}${text.slice(at + 1)}`)).to.equal(false);
    }
    expect(isApiKeyText(`${text}0`)).to.equal(false);
    expect(isApiKeyText(text.slice(1))).to.equal(false);
    expect(isApiKeyText(text.toUpperCase())).to.equal(false);
  });
});

describe('authenticator', () => {
  const minute = 60_000;
  let ms: number;
  let reads: number;
  let away: boolean;
  let store: EventStore;
  let repositories: Repositories;
  let authenticator: Authenticator;

  beforeEach(() => {
    [ms, reads, away] = [0, 0, false];
    const memory = openMemoryEventStore();
    store = {
      ...memory,
      readStream: async (stream, options) => {
        if (stream.startsWith('apiKey-')) reads++;
        if (away) throw new StoreUnavailable('away');
        return memory.readStream(stream, options);
      },
    };
    const now = () => 1_000_000_000_000 + ms;
    repositories = openRepositories(store);
    const given = { ...repositories, adminKey: ADMIN_KEY, now };
    authenticator = openAuthenticator({ ...given, monotonicMs: () => ms });
  });

  const ask = async (key: string) => authenticator.tenant(`Bearer ${key}`);

  async function refusal(asking: () => unknown): Promise<string> {
    try {
      await asking();
    } catch (error) {
      if (error instanceof Refusal) return error.code;
      throw error;
    }
    return 'let in';
  }

  it('lets a key in as its organization', async () => {
    const { key, keyId } = await createKey(store, { permission: 'EXECUTION_ONLY' });
    expect(await ask(key)).to.deep.equal({
      organizationId: ORGANIZATION,
      keyId,
      permission: 'EXECUTION_ONLY',
    });
  });

  it('takes the scheme in any case', async () => {
    const { key, keyId } = await createKey(store);
    for (const scheme of ['Bearer', 'bearer', 'BEARER', 'bEaReR']) {
      const caller = await authenticator.tenant(`${scheme} ${key}`);
      expect(caller.keyId, scheme).to.equal(keyId);
      const headers = { authorization: `${scheme} ${ADMIN_KEY}` };
      await authenticator.operator({ headers });
    }
  });

  it('refuses what is malformed without a look', async () => {
    for (const header of [undefined, '', 'Bearer', 'Bearer ', 'Basic abc', 'Bearer sk_1_2'])
      expect(await refusal(() => authenticator.tenant(header))).to.equal('UNAUTHORIZED');
    expect(reads).to.equal(0);
  });

  it('refuses an unknown key, looking once', async () => {
    const key = apiKeyText(randomBytes(32));
    expect(await refusal(() => ask(key))).to.equal('UNAUTHORIZED');
    expect(await refusal(() => ask(key))).to.equal('UNAUTHORIZED');
    expect(reads).to.equal(1);
  });

  it('looks once for many who ask at the same time, and not again while fresh', async () => {
    const { key } = await createKey(store);
    await Promise.all(Array.from({ length: 50 }, () => ask(key)));
    ms = 400;
    await ask(key);
    expect(reads).to.equal(1);
  });

  it('refreshes behind the answer when aging, and before it when stale', async () => {
    const { key } = await createKey(store);
    await ask(key);
    ms = 401;
    expect(authenticator.tenant(`Bearer ${key}`)).not.to.be.instanceOf(Promise);
    await turn();
    expect(reads).to.equal(2);
    ms = 401 + 901;
    expect(authenticator.tenant(`Bearer ${key}`)).to.be.instanceOf(Promise);
    await turn();
    expect(reads).to.equal(3);
  });

  it('refuses a revoked key within a second', async () => {
    const { key, keyId } = await createKey(store);
    await ask(key);
    await revokeKey(store, keyId);
    ms = 901;
    expect(await refusal(() => ask(key))).to.equal('UNAUTHORIZED');
  });

  it('refuses a key from the moment it expires', async () => {
    const expiresAt = new Date(1_000_000_000_000 + minute).toISOString();
    const { key } = await createKey(store, { expiresAt });
    ms = minute - 1;
    await ask(key);
    ms = minute;
    expect(await refusal(() => ask(key))).to.equal('UNAUTHORIZED');
  });

  it('lets nobody in when the store is away for longer than an entry lasts', async () => {
    const { key } = await createKey(store);
    await ask(key);
    away = true;
    ms = 500;
    await ask(key);
    ms = 901;
    const failed = await ask(key).then(
      () => undefined,
      (error: unknown) => error,
    );
    expect(failed).to.be.instanceOf(StoreUnavailable);
  });

  it('knows the operator by either header, and nobody without a configured key', async () => {
    const given = { headers: { authorization: `Bearer ${ADMIN_KEY}` } };
    await authenticator.operator(given);
    await authenticator.operator({ headers: { 'x-admin-key': ADMIN_KEY } });
    const wrong = { headers: { 'x-admin-key': `${ADMIN_KEY}x` } };
    expect(await refusal(() => authenticator.operator(wrong))).to.equal('UNAUTHORIZED');
    const keyless = openAuthenticator({ ...repositories, adminKey: undefined, now: Date.now });
    expect(await refusal(() => keyless.operator(given))).to.equal('UNAUTHORIZED');
  });
});
