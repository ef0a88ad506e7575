import { expect } from 'chai';
import { PERMISSIONS } from '../../contracts/events/api-key.js';
import { permits, permittedTo, type Scope } from '../../contracts/http/permissions.js';
import type { Route } from './route.js';
import { openTestServer, type TestServer } from './testing/kit.js';

const SCOPES = Object.keys(permittedTo) as Scope[];
const routes = SCOPES.map((permission): Route => ({
  audience: 'tenant',
  permission,
  method: 'GET',
  path: `/needs/${permission.replace(':', '-')}`,
  summary: 'x',
  tag: 'x',
  replySchemas: { 200: {} },
  handle: async () => ({ status: 200, body: {} }),
}));

describe('the permission of a key', () => {
  let server: TestServer;
  before(async () => {
    server = await openTestServer({ routes });
  });
  after(() => server?.close());

  for (const permission of PERMISSIONS)
    it(`${permission} opens the routes of its scopes, and no other`, async () => {
      const headers = { authorization: `Bearer ${await server.newKey({ permission })}` };
      for (const [index, scope] of SCOPES.entries()) {
        const path = `/v1${routes[index]?.path ?? ''}`;
        const { status, json } = await server.ask('GET', path, { headers });
        expect(status, scope).to.equal(permits(permission, scope) ? 200 : 403);
        if (status === 403) expect(json).to.have.nested.property('error.code', 'FORBIDDEN');
      }
    });
});
