/**
 * Submissions at a fixed rate, whoever is slow, and a look at one of them now and then. Nobody asks
 * twice: what was answered is what is counted.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Answer, Tenant } from '../../testing/client.js';
import { newKey, textOf } from '../testing/executions.js';

/** One answer; times are those of performance.now(). */
export interface Answered {
  readonly what: 'submission' | 'look';
  readonly at: number;
  /** Since it was due to be sent. */
  readonly ms: number;
  /** 0 when nobody answered. */
  readonly status: number;
}

interface Accepted {
  readonly id: string;
  readonly tenant: Tenant;
}

export interface OpenLoop {
  readonly answered: readonly Answered[];
  readonly accepted: readonly Accepted[];
  /** Nothing more is sent; resolves when everybody has had an answer. */
  stop(): Promise<void>;
}

const SUBMISSIONS_A_LOOK = 5;

export function startOpenLoop(tenants: readonly Tenant[], perSecond: number): OpenLoop {
  const answered: Answered[] = [];
  const accepted: Accepted[] = [];
  const stopped = new AbortController();

  async function send<T>(what: Answered['what'], dueAt: number, ask: () => Promise<Answer<T>>) {
    const answer = await ask().catch(() => undefined);
    const at = performance.now();
    answered.push({ what, at, ms: at - dueAt, status: answer?.status ?? 0 });
    return answer;
  }
  async function act(n: number, dueAt: number): Promise<void> {
    const tenant = tenants[n % tenants.length];
    if (!tenant) throw new Error('a load without tenants');
    const known = accepted[(n * 7_919) % Math.max(1, accepted.length)];
    const looking =
      known && n % SUBMISSIONS_A_LOOK === 0
        ? send('look', dueAt, () => known.tenant.api.execution(known.id))
        : undefined;
    const submit = () => tenant.api.submit(textOf(`Steadily, ${n}`), newKey());
    const answer = await send('submission', dueAt, submit);
    if (answer?.status === 202) accepted.push({ id: answer.body.id, tenant });
    await looking;
  }
  const running = actSteadily(perSecond, act, stopped.signal);
  return {
    answered,
    accepted,
    async stop() {
      stopped.abort();
      await running;
    },
  };
}

async function actSteadily(
  perSecond: number,
  act: (n: number, dueAt: number) => Promise<void>,
  signal: AbortSignal,
): Promise<void> {
  const acting = new Set<Promise<void>>();
  const began = performance.now();
  for (let n = 0; !signal.aborted;) {
    const dueAt = began + (n * 1_000) / perSecond;
    if (dueAt > performance.now()) {
      await sleep(2);
      continue;
    }
    const one = act(n++, dueAt).finally(() => acting.delete(one));
    acting.add(one);
  }
  await Promise.all(acting);
}

export interface Figures {
  readonly count: number;
  readonly unavailable: readonly Answered[];
  /** Neither accepted, nor found, nor unavailable. */
  readonly others: readonly Answered[];
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly slowestMs: number;
}

export function figuresOf(answered: readonly Answered[]): Figures {
  const ms = answered.map((one) => one.ms).sort((a, b) => a - b);
  const partAt = (part: number) => Math.round(ms[Math.floor(ms.length * part)] ?? 0);
  return {
    count: answered.length,
    unavailable: answered.filter(({ status }) => status === 503),
    others: answered.filter(({ status }) => ![200, 202, 503].includes(status)),
    p50Ms: partAt(0.5),
    p99Ms: partAt(0.99),
    slowestMs: Math.round(ms.at(-1) ?? 0),
  };
}
