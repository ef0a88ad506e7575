/**
 * How each personality behaves: how slow it is, how often it fails and how badly. Set at run time
 * with `PUT /_sandbox/behaviour`; kept in memory only, so a restarted sandbox behaves well again.
 */
import { type Misbehaviour, misbehaviours } from './misbehave.js';
import { type Personality } from './personalities.js';
import { type Random, seedOf, seededRandom } from './random.js';

type Latency =
  | { readonly kind: 'fixed'; readonly ms: number }
  | { readonly kind: 'uniform'; readonly minMs: number; readonly maxMs: number }
  /** medianMs × e^(sigma × z), z standard normal. */
  | { readonly kind: 'lognormal'; readonly medianMs: number; readonly sigma: number };

export interface Behaviour {
  readonly latency: Latency;
  /** Share of calls, 0 to 1, that answer `errorStatus` and do no work. */
  readonly errorRate: number;
  readonly errorStatus: number;
  /** Sent as `Retry-After` with every injected error; null sends none. */
  readonly retryAfterSeconds: number | null;
  readonly misbehaviour: Misbehaviour | 'none';
  /** Share of the calls without an injected error that misbehave. */
  readonly misbehaveRate: number;
  /** What errors and misbehaviours strike; `both` is calls and downloads of produced files. */
  readonly faultsOn: Target | 'both';
  /** Models that this provider answers with 404 `model_not_found`. */
  readonly absentModels: readonly string[];
  /** From the acceptance of a job until it is done. */
  readonly jobMs: number;
  readonly jobsEnd: 'succeeded' | 'failed' | 'never';
  /** Every job that is asked about is answered 404. */
  readonly forgetsJobs: boolean;
  /** How often the end of a job is called back. */
  readonly callbackTimes: number;
  /** From the end of a job until it is called back. */
  readonly callbackDelayMs: number;
  readonly callbackSignature: 'good' | 'wrong';
  /** Afterwards one more comes, as if it had been sent while the job was running. */
  readonly callbacksDisordered: boolean;
  /** Seeds the dice; setting it starts the same row of throws again. */
  readonly seed: number;
}

/** An API call, the download of a produced file, or a question about a job. */
type Target = 'calls' | 'files' | 'polls';

/** What the dice say about one call. */
export interface Fate {
  readonly latencyMs: number;
  readonly fails: boolean;
  readonly misbehaviour: Misbehaviour | null;
}

export interface Behaviours {
  all(): Record<string, Behaviour>;
  of(personality: string): Behaviour;
  /** Applies a partial update of one or more personalities whole, or answers why it cannot. */
  update(patch: unknown): string | null;
  reset(): void;
  /** Always throws the same number of dice, so that changing a rate does not shift later calls. */
  fateOf(personality: string, target: Target): Fate;
}

const latencyMsMax = 600_000;

export function openBehaviours(personalities: readonly Personality[], seed: number): Behaviours {
  const current = new Map<string, { behaviour: Behaviour; random: Random }>();
  const set = (name: string, behaviour: Behaviour, random: Random) =>
    current.set(name, { behaviour, random });
  const reset = () => {
    for (const personality of personalities) {
      const behaviour = initialBehaviour(personality, seed);
      set(personality.name, behaviour, diceOf(personality.name, behaviour.seed));
    }
  };
  const stateOf = (name: string) => {
    const state = current.get(name);
    if (!state) throw new Error(`There is no personality called ${name}.`);
    return state;
  };
  reset();

  return {
    all: () => Object.fromEntries([...current].map(([name, state]) => [name, state.behaviour])),
    of: (name) => stateOf(name).behaviour,
    reset,
    update(patch) {
      if (!isObject(patch)) return 'The body must be an object of personalities.';
      const updates: [string, Behaviour, boolean][] = [];
      for (const [name, part] of Object.entries(patch)) {
        const state = current.get(name);
        if (!state) return `"${name}" is not a personality; known: ${known(current.keys())}.`;
        const complaint = complaintAbout(part);
        if (complaint) return `${name}: ${complaint}`;
        const fields = part as Partial<Behaviour> & { latency?: Latency | number };
        const latency = fields.latency ?? state.behaviour.latency;
        updates.push([
          name,
          { ...state.behaviour, ...fields, latency: asDistribution(latency) },
          fields.seed !== undefined,
        ]);
      }
      for (const [name, behaviour, reseeded] of updates) {
        set(name, behaviour, reseeded ? diceOf(name, behaviour.seed) : stateOf(name).random);
      }
      return null;
    },
    fateOf(name, target) {
      const { behaviour, random } = stateOf(name);
      const dice = [random(), random(), random(), random()] as const;
      const struck = strikes(behaviour, target);
      const fails = struck && dice[0] < behaviour.errorRate;
      const misbehaves = struck && !fails && dice[1] < behaviour.misbehaveRate;
      return {
        latencyMs: target === 'calls' ? drawLatencyMs(behaviour.latency, dice[2], dice[3]) : 0,
        fails,
        misbehaviour:
          misbehaves && behaviour.misbehaviour !== 'none' ? behaviour.misbehaviour : null,
      };
    },
  };
}

const strikes = ({ faultsOn }: Behaviour, target: Target): boolean =>
  faultsOn === target || (faultsOn === 'both' && target !== 'polls');

function initialBehaviour(personality: Personality, seed: number): Behaviour {
  return {
    latency: { kind: 'fixed', ms: personality.latencyMs },
    errorRate: 0,
    errorStatus: 500,
    retryAfterSeconds: null,
    misbehaviour: 'none',
    misbehaveRate: 1,
    faultsOn: 'calls',
    absentModels: [],
    jobMs: 1_500,
    jobsEnd: 'succeeded',
    forgetsJobs: false,
    callbackTimes: 1,
    callbackDelayMs: 0,
    callbackSignature: 'good',
    callbacksDisordered: false,
    seed,
  };
}

function diceOf(name: string, seed: number): Random {
  return seededRandom(seedOf(`${name}:${seed}`));
}

function drawLatencyMs(latency: Latency, first: number, second: number): number {
  switch (latency.kind) {
    case 'fixed':
      return latency.ms;
    case 'uniform':
      return latency.minMs + first * (latency.maxMs - latency.minMs);
    case 'lognormal': {
      const z = Math.sqrt(-2 * Math.log(1 - first)) * Math.cos(2 * Math.PI * second);
      return Math.min(latencyMsMax, latency.medianMs * Math.exp(latency.sigma * z));
    }
  }
}

function asDistribution(latency: Latency | number): Latency {
  return typeof latency === 'number' ? { kind: 'fixed', ms: latency } : latency;
}

function complaintAbout(part: unknown): string | null {
  if (!isObject(part)) return 'the behaviour must be an object.';
  for (const [field, value] of Object.entries(part)) {
    if (!Object.hasOwn(rules, field)) {
      return `"${field}" is not a setting; known: ${known(Object.keys(rules))}.`;
    }
    const complaint = rules[field as keyof Behaviour](value);
    if (complaint) return `"${field}" ${complaint}.`;
  }
  return null;
}

const rules: Record<keyof Behaviour, (value: unknown) => string | null> = {
  latency: complaintAboutLatency,
  errorRate: share,
  errorStatus: (value) => within(value, 400, 599, 'must be a whole HTTP status from 400 to 599'),
  retryAfterSeconds: (value) =>
    value === null ? null : within(value, 0, 86_400, 'must be null or whole seconds up to 86400'),
  misbehaviour: (value) =>
    value === 'none' || (typeof value === 'string' && Object.hasOwn(misbehaviours, value))
      ? null
      : `must be "none" or one of ${known(Object.keys(misbehaviours))}`,
  misbehaveRate: share,
  faultsOn: (value) => oneOf(value, ['calls', 'files', 'polls', 'both']),
  absentModels: (value) =>
    Array.isArray(value) && value.every((model) => typeof model === 'string')
      ? null
      : 'must be a list of model names',
  jobMs: (value) => (isMs(value) ? null : `must be ${msRange}`),
  jobsEnd: (value) => oneOf(value, ['succeeded', 'failed', 'never']),
  forgetsJobs: flag,
  callbackTimes: (value) => within(value, 0, 20, 'must be a whole number from 0 to 20'),
  callbackDelayMs: (value) => (isMs(value) ? null : `must be ${msRange}`),
  callbackSignature: (value) => oneOf(value, ['good', 'wrong']),
  callbacksDisordered: flag,
  seed: (value) => within(value, 0, 0xffff_ffff, 'must be a whole number from 0 to 4294967295'),
};

function complaintAboutLatency(value: unknown): string | null {
  if (typeof value === 'number') return isMs(value) ? null : `must be ${msRange}`;
  if (!isObject(value)) return 'must be milliseconds or {"kind": …}';
  const { kind, ...numbers } = value;
  const allowed = typeof kind === 'string' ? latencyFields[kind] : undefined;
  if (!allowed) return 'needs the kind "fixed", "uniform" or "lognormal"';
  const given = Object.keys(numbers);
  if (given.length !== allowed.length || !allowed.every((name) => Object.hasOwn(numbers, name))) {
    return `of kind "${String(kind)}" takes exactly ${known(allowed)}`;
  }
  for (const name of allowed) {
    const number = numbers[name];
    if (name === 'sigma') {
      if (typeof number !== 'number' || !(number >= 0 && number <= 5)) {
        return 'needs a sigma from 0 to 5';
      }
    } else if (!isMs(number)) return `needs ${name} to be ${msRange}`;
  }
  const { minMs, maxMs } = numbers as { minMs?: number; maxMs?: number };
  if (minMs !== undefined && maxMs !== undefined && minMs > maxMs) return 'has minMs above maxMs';
  return null;
}

const latencyFields: Record<string, readonly string[] | undefined> = {
  fixed: ['ms'],
  uniform: ['minMs', 'maxMs'],
  lognormal: ['medianMs', 'sigma'],
};

const msRange = `milliseconds from 0 to ${latencyMsMax}`;

function isMs(value: unknown): boolean {
  return typeof value === 'number' && value >= 0 && value <= latencyMsMax;
}

function oneOf(value: unknown, words: readonly string[]): string | null {
  return words.includes(value as string) ? null : `must be one of ${known(words)}`;
}

function flag(value: unknown): string | null {
  return typeof value === 'boolean' ? null : 'must be true or false';
}

function share(value: unknown): string | null {
  return typeof value === 'number' && value >= 0 && value <= 1 ? null : 'must be from 0 to 1';
}

function within(value: unknown, min: number, max: number, complaint: string): string | null {
  return Number.isInteger(value) && Number(value) >= min && Number(value) <= max ? null : complaint;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function known(names: Iterable<string>): string {
  return [...names].join(', ');
}
