/** What may happen to a cluster, one thing at a time. */
import type { System } from '../../testing/system.js';
import { makeTopicAnew, resetOffsets } from './kafka-faults.js';
import { isReplica, leversOf, type Levers } from './levers.js';

export interface Fault {
  readonly name: string;
  /** Resolves when the cause is gone; what it did may last. */
  strike(): Promise<void>;
}

export interface FaultTimes {
  readonly brokerMs: number;
  readonly filesMs: number;
  readonly frozenMs: number;
}

/** Every fault that this cluster can have, in order. */
export function faultsOf(system: System, times: FaultTimes): readonly Fault[] {
  const levers = leversOf(system);
  const parts = levers.parts();
  const has = (name: string) => parts.includes(name);
  const replicas = parts.filter(isReplica).toSorted();
  return [
    ...replicas.map((name) => killed(levers, name)),
    ...(has('kafka') ? broken(levers, 'kafka', times.brokerMs) : []),
    ...(has('s3') ? broken(levers, 's3', times.filesMs) : []),
    databaseRestarted(system),
    ...(has('eventstore')
      ? [killed(levers, 'eventstore'), frozen(levers, 'eventstore', times.frozenMs)]
      : []),
    ...(has('kafka') ? forgetful(levers, replicas) : []),
  ];
}

const killed = (levers: Levers, name: string): Fault => ({
  name: `kill -9 ${name}`,
  strike: async () => levers.signal(name, 'SIGKILL'),
});

const broken = (levers: Levers, name: string, forMs: number): Fault[] => [
  {
    name: `${name} is down for ${forMs / 1000} s`,
    strike: () => levers.keepDown([name], forMs),
  },
];

const frozen = (levers: Levers, name: string, forMs: number): Fault => ({
  name: `${name} is frozen for ${forMs / 1000} s`,
  strike: () => levers.freeze(name, forMs),
});

/** A smart shutdown would wait for our connections for ever: SIGINT is the fast one. */
const databaseRestarted = (system: System): Fault => ({
  name: 'postgresql is restarted',
  strike: async () => void process.kill(await system.postmasterPid(), 'SIGINT'),
});

/** Offsets can be moved only while a group has no members; who leaves in order is none at once. */
const forgetful = (levers: Levers, replicas: readonly string[]): Fault[] => {
  const processors = replicas.filter((name) => name.startsWith('processors'));
  return [
    {
      name: 'offsets are reset to earliest',
      strike: () =>
        levers.whileDown(processors, 'SIGTERM', async () =>
          resetOffsets(await levers.environment()),
        ),
    },
    {
      name: 'the topic is deleted and made again',
      strike: async () => makeTopicAnew(await levers.environment()),
    },
  ];
};
