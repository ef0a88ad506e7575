/** How the projections are. */
import { projectionSchema, projectionsQuery } from '../../contracts/http/operator-views.js';
import { listOf } from '../../contracts/http/parts.js';
import type { Position } from '../../infra/event-store/port.js';
import type { Route } from '../../http/server/route.js';
import { checksumOf } from '../../infra/read-store/checksum.js';
import {
  projectionStates,
  type ProjectionState,
} from '../../infra/read-store/projection-states.js';
import { secondsLeft, shareDone } from '../../infra/read-store/time-left.js';
import { listReply, pageOfWhole, type ListName } from '../cursor.js';
import { OPERATORS, type ListInfra, type QueryInfra } from '../query-infra.js';

type Projections = Pick<QueryInfra, 'readStore' | 'store'>;

const LIST: ListName = ['projections', OPERATORS];

export const getProjections = (infra: Projections & Pick<ListInfra, 'cursors'>): Route => ({
  method: 'GET',
  path: '/projections',
  summary: 'List projections',
  description: 'How far each read model is behind the log, and how its rebuild goes.',
  tag: 'Projections',
  audience: 'operator',
  querySchema: projectionsQuery,
  replySchemas: { 200: listOf('Projections', projectionSchema) },
  replyHeaders: ['Link'],
  async handle(request) {
    const { cursors, readStore, store } = infra;
    const items = await projectionStates(readStore);
    const page = pageOfWhole(cursors, request, LIST, { items, keyOf: ({ name }) => name });
    const head = await store.head();
    const data = page.data.map((state) => bodyOf(state, head));
    if (request.queryValues['checksum'] !== true) return listReply(request, { ...page, data });
    const summed = [];
    for (const body of data)
      summed.push({ ...body, checksum: await checksumBody(infra, body.name) });
    return listReply(request, { ...page, data: summed });
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
      position: state.rebuilding ? `${state.rebuilding.position}` : null,
      error: state.rebuildError ?? null,
      under_way: state.rebuilding ? underWayBody(state.rebuilding) : null,
      last: state.rebuilt ? lastBody(state.rebuilt) : null,
    },
  };
}

const underWayBody = (way: NonNullable<ProjectionState['rebuilding']>) => ({
  started_at: way.startedAt,
  head: `${way.head}`,
  events: way.events,
  percent: Math.floor(shareDone(way) * 1_000) / 10,
  seconds_left: secondsLeft(way) ?? null,
});

function lastBody({ at, ms, events, compared }: NonNullable<ProjectionState['rebuilt']>) {
  if (!compared) return { at, seconds: ms / 1000, events, compared: null };
  const { position, rows, checksum, equal } = compared;
  const body = { position: `${position}`, rows: `${rows}`, checksum, equal };
  return { at, seconds: ms / 1000, events, compared: body };
}

async function checksumBody({ readStore }: Projections, name: string) {
  const sum = await checksumOf(readStore, name);
  return sum && { position: `${sum.position}`, rows: `${sum.rows}`, checksum: sum.checksum };
}
