/** How the continuous exports are. */
import { exportsSchema } from '../../contracts/http/exports.js';
import type { Route } from '../../http/server/route.js';
import { lagOf } from '../../infra/exports/lag.js';
import { exportBody } from '../../infra/exports/view.js';
import { OPERATORS, type QueryInfra } from '../query-infra.js';

type Given = Pick<QueryInfra, 'exports' | 'now' | 'reads'>;

export const getExports = ({ exports, now, reads }: Given): Route => ({
  method: 'GET',
  path: '/exports',
  summary: 'List continuous exports',
  description: 'What is set, how far each is, and why it does not go on where it does not.',
  tag: 'Exports',
  audience: 'operator',
  replySchemas: { 200: exportsSchema },
  async handle() {
    const data = [];
    for (const stored of await exports.list()) {
      const lag = await lagOf((question) => reads.rows(OPERATORS, question), stored, now());
      data.push(exportBody(stored, lag));
    }
    return { status: 200, body: { data, next_cursor: null } };
  },
});
