/** What those who break a cluster on purpose hold in their hands: its folder, and nothing else. */
import { readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { eventually } from '../../testing/eventually.js';
import { clusterEnvironment, type System } from '../../testing/system.js';

export interface Levers {
  /** Every process of the cluster, by name. */
  parts(): readonly string[];
  pidOf(name: string): number | undefined;
  signal(name: string, signal: NodeJS.Signals): void;
  /** kill -9, and nobody starts it again for so long. */
  keepDown(names: readonly string[], forMs: number): Promise<void>;
  /** Ended by the signal; `meanwhile` runs while none of them does. */
  whileDown(
    names: readonly string[],
    by: 'SIGKILL' | 'SIGTERM',
    meanwhile: () => Promise<void>,
  ): Promise<void>;
  /** SIGSTOP for so long. */
  freeze(name: string, forMs: number): Promise<void>;
  /** Another process of that name is ready, as the balancer sees it. */
  replaced(name: string, pid: number | undefined): Promise<void>;
  environment(): Promise<Readonly<Record<string, string>>>;
}

/** One that cannot be started again in this time has not recovered. */
const REPLACED_MS = 60_000;
/** What an orderly end takes at most, and a little. */
const GONE_MS = 15_000;

/** Whether a part is a process of ours, and not a server that they talk to. */
export const isReplica = (name: string): boolean =>
  /^(command-api|query-api|processors|projectors|relay)/.test(name);

export function leversOf(system: System): Levers {
  const own = join(system.dataDir, 'cluster');
  const pidOf = (name: string): number | undefined => {
    try {
      return Number(readFileSync(join(own, 'pids', name), 'utf8').split('\n')[0]) || undefined;
    } catch {
      return undefined;
    }
  };
  const signal = (name: string, which: NodeJS.Signals) => {
    const pid = pidOf(name);
    if (pid === undefined) throw new Error(`${name} does not run`);
    process.kill(pid, which);
  };
  const whileDown: Levers['whileDown'] = async (names, by, meanwhile) => {
    for (const name of names) writeFileSync(join(own, 'holds', name), '');
    for (const name of names) signal(name, by);
    try {
      const areGone = () => names.every((name) => pidOf(name) === undefined);
      await eventually('they are gone', areGone, GONE_MS);
      await meanwhile();
    } finally {
      for (const name of names) rmSync(join(own, 'holds', name), { force: true });
    }
  };
  return {
    parts: () => readdirSync(join(own, 'pids')),
    pidOf,
    signal,
    whileDown,
    keepDown: (names, forMs) => whileDown(names, 'SIGKILL', () => sleep(forMs)),
    async freeze(name, forMs) {
      signal(name, 'SIGSTOP');
      try {
        await sleep(forMs);
      } finally {
        signal(name, 'SIGCONT');
      }
    },
    async replaced(name, pid) {
      const isReady = async () =>
        pidOf(name) !== undefined && pidOf(name) !== pid && (await fitnessOf(system, name));
      await eventually(`another ${name}`, isReady, REPLACED_MS);
    },
    environment: () => clusterEnvironment(system.dataDir),
  };
}

async function fitnessOf({ baseUrl }: System, name: string): Promise<boolean> {
  const answer = await fetch(`${baseUrl}/readyz`);
  const { replicas } = (await answer.json()) as { replicas: Readonly<Record<string, string>> };
  await sleep(20);
  return replicas[name] === 'ready';
}
