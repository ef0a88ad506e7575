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
import type { QueryInfra } from '../query-infra.js';

type Projections = Pick<QueryInfra, 'readStore' | 'store'>;

export const getProjections = (infra: Projections): Route => ({
  method: 'GET',
  path: '/projections',
  summary: 'List projections',
  description: 'How far each read model is behind the log, and how its rebuild goes.',
  tag: 'Projections',
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
