/** How the projections are, and asking for a rebuild of one. */
import {
  projectionSchema,
  projectionsQuery,
  rebuildRequestedSchema,
} from '../../contracts/http/operator-views.js';
import { listOf } from '../../contracts/http/parts.js';
import type { Position } from '../../infra/event-store/port.js';
import { Refusal, type Route } from '../../infra/http/route.js';
import { checksumOf } from '../../infra/read-store/checksum.js';
import {
  projectionStates,
  requestRebuild,
  type ProjectionState,
} from '../../infra/read-store/projection-states.js';
import type { QueryInfra } from '../query-infra.js';

type Projections = Pick<QueryInfra, 'readStore' | 'store'>;

const TAG = 'Projections';

export const getProjections = (infra: Projections): Route => ({
  method: 'GET',
  path: '/projections',
  summary: 'List projections',
  tag: TAG,
  audience: 'operator',
  querySchema: projectionsQuery,
  replySchemas: { 200: listOf('Projections', projectionSchema) },
  async handle({ queryValues }) {
    const { readStore, store } = infra;
    const states = await projectionStates(readStore);
    const head = await store.head();
    const data = states.map((state) => bodyOf(state, head));
    if (queryValues['checksum'] !== true) return { status: 200, body: { data, next_cursor: null } };
    const summed = [];
    for (const body of data)
      summed.push({ ...body, checksum: await checksumBody(infra, body.name) });
    return { status: 200, body: { data: summed, next_cursor: null } };
  },
});

export const postRebuild = ({ readStore }: Pick<Projections, 'readStore'>): Route => ({
  method: 'POST',
  path: '/projections/{name}/rebuild',
  summary: 'Rebuild a projection',
  description:
    'The projectors build it anew beside the live one, which goes on, and swap it in. ' +
    'Watch it in the list of projections.',
  tag: TAG,
  audience: 'operator',
  replySchemas: { 202: rebuildRequestedSchema },
  refusals: ['NOT_FOUND'],
  async handle({ params }) {
    const { name = '' } = params;
    if (!/^[a-z_]{1,63}$/.test(name)) return new Refusal('NOT_FOUND');
    if (!(await requestRebuild(readStore, name))) return new Refusal('NOT_FOUND');
    return { status: 202, body: { name, rebuild_requested: true } };
  },
});

function bodyOf(state: ProjectionState, head: Position) {
  const { name, version, generation, position, stopped } = state;
  const lag = head > position ? head - position : 0n;
  return {
    name,
    state: state.state,
    version,
    generation,
    position: `${position}`,
    head: `${head}`,
    lag: `${lag}`,
    stopped: stopped ? { ...stopped, position: `${stopped.position}` } : null,
    rebuild: {
      requested: state.rebuildRequested,
      position: state.rebuildPosition === undefined ? null : `${state.rebuildPosition}`,
      error: state.rebuildError ?? null,
    },
  };
}

async function checksumBody({ readStore }: Projections, name: string) {
  const sum = await checksumOf(readStore, name);
  return sum && { position: `${sum.position}`, rows: `${sum.rows}`, checksum: sum.checksum };
}
