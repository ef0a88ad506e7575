/** Operators beside the first one: their keys and roles, what is recorded, circuits by hand. */
import { expect } from 'chai';
import { openMemoryEventStore } from '../../infra/event-store/testing/memory.js';
import type { EventStore } from '../../infra/event-store/port.js';
import { eventually } from '../../testing/eventually.js';
import { openCommandApi, type CommandApi } from '../testing/kit.js';

describe('operators, of the admin API', () => {
  let store: EventStore;
  let api: CommandApi;

  before(async () => {
    store = openMemoryEventStore();
    api = await openCommandApi(store);
  });
  after(async () => {
    await api.close();
    await store.close();
  });

  const newOrganization = async () => {
    const { json } = await api.asOperator('POST', '/admin/v1/organizations', { name: 'Acme' });
    return String(json['id']);
  };

  describe('keys of operators', () => {
    const create = async (role: string) => {
      const body = { name: `a ${role}`, role };
      const answer = await api.asOperator('POST', '/admin/v1/operator-keys', body, {
        'x-reason': 'shift begins',
      });
      expect(answer.status).to.equal(201);
      return answer.json as { id: string; key: string; role: string };
    };
    const asks = (key: string) => async (method: string, path: string, body: object) => {
      const headers = { authorization: `Bearer ${key}` };
      return (await api.ask(method, path, { headers, body })).status;
    };

    it('open what their role may do, and nothing else', async () => {
      const organization = await newOrganization();
      const topUp = (n: string) => ({ amount: '1.00', idempotency_key: n });
      const topUps = `/admin/v1/organizations/${organization}/top-ups`;
      const letter = { group: 'none', stream: 'execution-x', revision: 0 };
      const redrive = '/admin/v1/dead-letters/redrive';
      const support = asks((await create('SUPPORT')).key);
      expect(await support('POST', redrive, letter)).to.equal(404);
      expect(await support('POST', topUps, topUp('a'))).to.equal(403);
      expect(await support('POST', '/admin/v1/organizations', { name: 'x' })).to.equal(403);
      const finance = asks((await create('FINANCE')).key);
      expect(await finance('POST', topUps, topUp('a'))).to.equal(201);
      const guards = `/admin/v1/organizations/${organization}/spending-guards`;
      const keyGuards = `/admin/v1/organizations/${organization}/api-keys/nonsense/spending-guards`;
      const alert = `/admin/v1/organizations/${organization}/balance-alert`;
      expect(await finance('PATCH', guards, { daily_limit: '5' })).to.equal(200);
      expect(await finance('PATCH', keyGuards, { daily_limit: '5' })).to.equal(404);
      expect(await finance('PUT', alert, { threshold: '1' })).to.equal(200);
      expect(await support('PATCH', guards, { daily_limit: '6' })).to.equal(403);
      expect(await support('PUT', alert, { threshold: '2' })).to.equal(403);
      expect(await finance('POST', redrive, letter)).to.equal(403);
      const admin = asks((await create('ADMIN')).key);
      expect(await admin('POST', topUps, topUp('b'))).to.equal(201);
      expect(await admin('POST', redrive, letter)).to.equal(404);
      expect(await admin('POST', '/v1/executions', {})).to.equal(401);
    });

    it('are the actor of what follows, with address and reason', async () => {
      const organization = await newOrganization();
      const { id, key } = await create('FINANCE');
      const path = `/admin/v1/organizations/${organization}/top-ups`;
      const headers = { authorization: `Bearer ${key}`, 'x-reason': 'invoice 7 is paid' };
      const body = { amount: '5.00', idempotency_key: 'invoice-7' };
      expect((await api.ask('POST', path, { headers, body })).status).to.equal(201);
      const [event] = await api.commands.store.readStream(`account-${organization}`);
      const { actor, ip, reason } = event?.metadata ?? {};
      expect({ actor, reason }).to.deep.equal({
        actor: `operator:${id}`,
        reason: 'invoice 7 is paid',
      });
      expect(ip).to.match(/127\.0\.0\.1$/);
    });

    it('are refused once they are revoked, and kept by their hash', async () => {
      const { id, key } = await create('ADMIN');
      const remove = () => api.asOperator('DELETE', `/admin/v1/operator-keys/${id}`);
      expect((await remove()).status).to.equal(204);
      expect((await remove()).status).to.equal(204);
      await eventually('the key is refused', async () => {
        const status = await asks(key)('POST', '/admin/v1/organizations', { name: 'x' });
        return status === 401;
      });
      const events = await api.commands.store.readStream('operators-all');
      expect(JSON.stringify(events, (_, value: unknown) => String(value))).not.to.include(key);
      const unknown = '/admin/v1/operator-keys/opk_00000000-0000-4000-8000-000000000000';
      expect((await api.asOperator('DELETE', unknown)).status).to.equal(404);
    });
  });

  describe('circuits', () => {
    const path = '/admin/v1/providers/aurora-chat/circuit';

    it('are opened and closed by hand, with a reason', async () => {
      const open = { state: 'open', for_seconds: 60, reason: 'announced maintenance' };
      const opened = await api.asOperator('POST', path, open);
      expect(opened.status).to.equal(200);
      expect(opened.json).to.include({ provider: 'aurora-chat', route: null, state: 'open' });
      const closed = await api.asOperator('POST', path, { state: 'closed', reason: 'it is over' });
      expect(closed.json).to.deep.equal({
        provider: 'aurora-chat',
        route: null,
        state: 'closed',
        until: null,
      });
      const events = await api.commands.store.readStream('provider-aurora-chat');
      expect(events.map(({ type, metadata }) => [type, metadata.reason])).to.deep.equal([
        ['ProviderCircuitOpened', 'announced maintenance'],
        ['ProviderCircuitClosed', 'it is over'],
      ]);
    });

    it('are those of the catalogue', async () => {
      const ask = async (of: string, body: object) =>
        (await api.asOperator('POST', `/admin/v1/providers/${of}/circuit`, body)).status;
      expect(await ask('nobody', { state: 'open', reason: 'x' })).to.equal(404);
      const wrong = { state: 'open', route: 'nowhere', reason: 'x' };
      expect(await ask('aurora-chat', wrong)).to.equal(400);
      expect(await ask('aurora-chat', { state: 'open' })).to.equal(400);
    });
  });
});
