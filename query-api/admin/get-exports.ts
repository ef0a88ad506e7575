/** How the continuous exports are. */
import { exportsSchema } from '../../contracts/http/exports.js';
import { pageFields, queryObject } from '../../contracts/http/parts.js';
import type { Route } from '../../http/server/route.js';
import { lagOf } from '../../infra/exports/lag.js';
import { exportBody } from '../../infra/exports/view.js';
import { listReply, pageOfWhole, type ListName } from '../cursor.js';
import { OPERATORS, type ListInfra, type QueryInfra } from '../query-infra.js';

type Given = Pick<QueryInfra, 'exports' | 'now' | 'reads'> & Pick<ListInfra, 'cursors'>;

const LIST: ListName = ['exports', OPERATORS];

export const getExports = ({ cursors, exports, now, reads }: Given): Route => ({
  method: 'GET',
  path: '/exports',
  summary: 'List continuous exports',
  description: 'What is set, how far each is, and why it does not go on where it does not.',
  tag: 'Exports',
  audience: 'operator',
  querySchema: queryObject(pageFields),
  replySchemas: { 200: exportsSchema },
  replyHeaders: ['Link'],
  async handle(request) {
    const items = await exports.list();
    const page = pageOfWhole(cursors, request, LIST, { items, keyOf: ({ name }) => name });
    const data = [];
    for (const stored of page.data) {
      const lag = await lagOf((question) => reads.rows(OPERATORS, question), stored, now());
      data.push(exportBody(stored, lag));
    }
    return listReply(request, { ...page, data });
  },
});
