/** The replicas that requests go to: who is fit, and in which order they are tried. */
import { createHash } from 'node:crypto';
import { Agent, request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Role } from '../../../infra/config/config.js';

/** What the balancer knows of a process; the address changes when it is started again. */
export interface Replica {
  readonly name: string;
  readonly role: Role;
  /** `http://127.0.0.1:<port>`; undefined while there is no process. */
  readonly address: string | undefined;
}

/**
 *   ready     its /readyz said 200
 *   unready   it answers, but does not want requests: something that it needs is away, or it stops
 *   away      it does not answer
 */
export type Fitness = 'ready' | 'unready' | 'away';

export interface Backend {
  readonly replica: Replica;
  readonly agent: Agent;
  /** As of the last probe; `fitnessNow` knows better when the process is gone. */
  fitness: Fitness;
  inFlight: number;
}

/** One that is fit is asked seldom: that it dies is noticed by who sends it a request. */
const PROBE_READY_MS = 1_000;
const PROBE_UNREADY_MS = 250;
/** Longer than its own bound for what it asks in turn. */
const PROBE_TIMEOUT_MS = 1_500;

export function openBackends(replicas: readonly Replica[]): readonly Backend[] {
  return replicas.map((replica) => ({
    replica,
    agent: new Agent({ keepAlive: true, noDelay: true }),
    fitness: 'away',
    inFlight: 0,
  }));
}

export const fitnessNow = ({ replica, fitness }: Backend): Fitness =>
  replica.address === undefined ? 'away' : fitness;

/**
 * Fit ones first. Those that are not come last instead of never: when none is fit, one of them is
 * the best there is, and its own refusal is better than ours.
 *
 * With a `key`, every balancer has the same favourite for it as long as that lives (rendezvous
 * hashing); without, the least busy one is first.
 */
export function inOrder(backends: readonly Backend[], key?: string): readonly Backend[] {
  const scoreOf = ({ replica, inFlight }: Backend): number =>
    key === undefined
      ? -inFlight + Math.random() / 2
      : createHash('sha1').update(`${replica.name} ${key}`).digest().readUInt32BE(0);
  return backends
    .map((backend) => ({ backend, rank: RANKS[fitnessNow(backend)], score: scoreOf(backend) }))
    .sort((a, b) => a.rank - b.rank || b.score - a.score)
    .map(({ backend }) => backend);
}

const RANKS: Record<Fitness, number> = { ready: 0, unready: 1, away: 2 };

/** Asks each one again and again; what requests meet in between is noted by who sent them. */
export async function probe(backends: readonly Backend[], signal: AbortSignal): Promise<void> {
  await Promise.all(
    backends.map(async (backend) => {
      while (!signal.aborted) {
        backend.fitness = await fitnessOf(backend);
        const pauseMs = backend.fitness === 'ready' ? PROBE_READY_MS : PROBE_UNREADY_MS;
        await sleep(pauseMs, undefined, { signal }).catch(() => undefined);
      }
    }),
  );
}

function fitnessOf({ replica: { address }, agent }: Backend): Promise<Fitness> {
  if (!address) return Promise.resolve('away');
  return new Promise((resolve) => {
    const asked = request(`${address}/readyz`, { agent }, (answer) => {
      answer.resume();
      resolve(answer.statusCode === 200 ? 'ready' : 'unready');
    });
    const tooLate = setTimeout(() => asked.destroy(), PROBE_TIMEOUT_MS);
    asked.once('error', () => resolve('away'));
    asked.once('close', () => {
      clearTimeout(tooLate);
      resolve('away');
    });
    asked.end();
  });
}
