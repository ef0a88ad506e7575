/**
 * The queue in which an execution waits for a provider. Executions of one model wait together;
 * those of them that only some of its routes may take have a queue of their own, so that whoever
 * may go anywhere never waits behind somebody who may not.
 */
import type { Model, Provider, Route } from '../../contracts/catalogue/catalogue.js';
import { unknownHealth, type ProviderHealth } from './health.js';
import { closedCircuit, restsAt, type Circuit } from './breaker.js';
import type { RouteChoice } from './choose-route.js';

export interface WaitingQueue {
  readonly model: string;
  /** Absent: all providers of the model. */
  readonly providers?: readonly string[];
  /** An earlier attempt may be paid for: only its own provider knows what became of it. */
  readonly isBound: boolean;
}

/** `<model>`, `<model> <provider> …`, or `<model> =<provider>` where the queue is bound to it. */
export type QueueName = string;

export function queueNameOf(
  { waitsFor }: Pick<RouteChoice, 'waitsFor'>,
  model: Model,
  isBound: boolean,
): QueueName {
  if (isBound) return `${model.slug} =${waitsFor.join(' ')}`;
  const isAll = model.routes.every(({ provider }) => waitsFor.includes(provider));
  return isAll ? model.slug : [model.slug, ...waitsFor.toSorted()].join(' ');
}

export function queueNamed(name: QueueName): WaitingQueue {
  const [model = '', ...providers] = name.replace(' =', ' ').split(' ');
  const isBound = name.includes(' =');
  return { model, isBound, ...(providers.length > 0 && { providers }) };
}

/** The providers that the queue waits for, as far as the catalogue still has them. */
export function providersOf(
  { model, providers }: WaitingQueue,
  catalogue: {
    readonly models: ReadonlyMap<string, Model>;
    readonly providers: ReadonlyMap<string, Provider>;
  },
): readonly string[] {
  const ofModel = catalogue.models.get(model)?.routes.map(({ provider }) => provider) ?? [];
  const waitedFor = providers ? ofModel.filter((slug) => providers.includes(slug)) : ofModel;
  return [...new Set(waitedFor)].filter((slug) => catalogue.providers.has(slug));
}

/** How long the executions of a bound queue wait at least for their provider to come back. */
const BOUND_WAIT_MS = 30_000;

/** How long executions wait while all providers of their queue rest. */
export const restMaxMs = ({ isBound }: WaitingQueue, model: Model | undefined): number =>
  model ? Math.max(model.maxWaitMs, isBound ? BOUND_WAIT_MS : 0) : 0;

interface Circuits {
  health(): ReadonlyMap<string, ProviderHealth>;
  /** Of routes, by their names. */
  routes(): ReadonlyMap<string, Circuit>;
}

/**
 * Whether all of them rest, or all the routes of the model to them. A full one does not: its slots
 * become free.
 */
export const allRest = (
  providers: readonly string[],
  model: Model | undefined,
  circuits: Circuits,
  nowMs: number,
): boolean =>
  providers.every((slug) => {
    if (restsAt((circuits.health().get(slug) ?? unknownHealth).circuit, nowMs)) return true;
    const own = model?.routes.filter(({ provider }) => provider === slug) ?? [];
    const rests = ({ name }: Route) => restsAt(circuits.routes().get(name) ?? closedCircuit, nowMs);
    return own.length > 0 && own.every(rests);
  });
