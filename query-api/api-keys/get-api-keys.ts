/** An organization's API keys that are not revoked, without the keys themselves. */
import { readFileSync } from 'node:fs';
import { apiKeySchema } from '../../contracts/http/organizations.js';
import { listOf } from '../../contracts/http/parts.js';
import { isId } from '../../contracts/ids.js';
import { Refusal, type Route } from '../../http/server/route.js';
import { maybe, text, time, type Row } from '../../infra/read-store/table.js';
import { caughtUp } from '../caught-up.js';
import { OPERATORS, type ListInfra, type QueryInfra } from '../query-infra.js';

const SQL = readFileSync(new URL('./read-api-keys.sql', import.meta.url), 'utf8');

export const getApiKeys = (infra: ListInfra & Pick<QueryInfra, 'now'>): Route => ({
  method: 'GET',
  path: '/organizations/{id}/api-keys',
  summary: "List an organization's API keys",
  description: 'Also those that were revoked or have expired; never the keys themselves.',
  tag: 'API keys',
  audience: 'operator',
  replySchemas: { 200: listOf('ApiKeyList', apiKeySchema) },
  refusals: ['NOT_FOUND'],
  async handle({ params }) {
    const { id = '' } = params;
    if (!isId('org', id)) return new Refusal('NOT_FOUND');
    await caughtUp(infra, 'organizations');
    const rows = await infra.reads.rows(OPERATORS, { text: SQL, values: [id] });
    if (rows.length === 0) return new Refusal('NOT_FOUND');
    const now = new Date(infra.now()).toISOString();
    const data = rows.filter((row) => row['id'] !== null).map((row) => bodyOf(row, now));
    return { status: 200, body: { data, next_cursor: null } };
  },
});

function bodyOf(row: Row, now: string) {
  const { expiresAt } = maybe(row, 'expires_at', 'expiresAt', time);
  return {
    id: text(row, 'id'),
    name: text(row, 'name'),
    permission: text(row, 'permission'),
    hint: text(row, 'hint'),
    status: expiresAt !== undefined && expiresAt <= now ? 'expired' : 'active',
    created_at: time(row, 'created_at'),
    expires_at: expiresAt ?? null,
  };
}
