/**
 * Three doubles as one cluster, whose leader is killed, frozen or ended. The others name it for a
 * while, then there is none, then one of them leads: with the log of the leader before, of which
 * all is durable that was answered. Whoever led before comes back as a follower, never thawed: it
 * has no way to learn that it was deposed.
 */
import { copyFile, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Behaviour } from './behaviour.js';
import { startEventStoreDouble, type EventStoreDouble } from './double.js';

export type LeaderStrike = 'killed' | 'frozen' | 'ended';

export interface DoubleCluster {
  readonly url: string;
  /** Resolves when another node leads. The one before may be silent, or ending, for a while yet. */
  strikeLeader(strike: LeaderStrike, electionMs: number): Promise<void>;
  /** The node that led before is a follower now. */
  whole(): Promise<void>;
  close(): Promise<void>;
}

interface Node {
  readonly dir: string;
  readonly double: EventStoreDouble;
}

export async function startDoubleCluster(dir: string): Promise<DoubleCluster> {
  const nodes = await Promise.all([0, 1, 2].map((n) => startNode(join(dir, `node-${n}`))));
  let [leader, ...followers] = nodes as [Node, ...Node[]];
  let gone: Node | undefined;
  let end: Promise<void> | undefined;
  const ports = nodes.map(({ double }) => double.port);
  const tell = (port: number, told: readonly Node[]) => {
    const behaviour: Behaviour = { cluster: { ports, leader: port } };
    // One that is away keeps it for when it is started again.
    return Promise.all(told.map(({ double }) => double.behave(behaviour).catch(() => undefined)));
  };
  await tell(leader.double.port, nodes);
  return {
    url: `esdb://${ports.map((port) => `127.0.0.1:${port}`).join(',')}?tls=false`,
    async strikeLeader(strike, electionMs) {
      const before = leader;
      if (strike === 'killed') await before.double.kill();
      if (strike === 'frozen') before.double.freeze();
      if (strike === 'ended') end = before.double.endGracefully();
      await sleep(electionMs / 2);
      await tell(0, followers);
      await sleep(electionMs / 2);
      const next = followers.shift();
      if (!next) throw new Error('the cluster is not whole');
      await next.double.kill();
      await copyFile(join(before.dir, 'events.log'), join(next.dir, 'events.log'));
      await next.double.restart();
      [leader, gone] = [next, before];
      await tell(next.double.port, [next, ...followers]);
    },
    async whole() {
      if (!gone) return;
      const back = gone;
      await end;
      await back.double.kill();
      await tell(leader.double.port, [back]);
      await back.double.restart();
      followers = [...followers, back];
      [gone, end] = [undefined, undefined];
    },
    close: async () => {
      await Promise.all(nodes.map(({ double }) => double.close()));
    },
  };
}

async function startNode(dir: string): Promise<Node> {
  await mkdir(dir, { recursive: true });
  return { dir, double: await startEventStoreDouble({ dir }) };
}
