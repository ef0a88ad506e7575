/**
 * A cluster of servers over one log: what clients see of it is the real one's, how it replicates
 * is not. Each node listens behind a proxy, so that one can be killed or frozen alone.
 *
 *   leading ──killed, or ends──────────► gone ──an election──► another leads
 *      └────frozen──► still named leader ──noticed──► an election ──► another leads
 *                             └──thawed later──► deposed ──noticed──► follows
 *
 * Without a majority nobody leads.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { openTcpProxy, type TcpProxy } from '../../../../testing/tcp-proxy.js';
import type { Knobs } from './behaviour.js';
import type { Member } from './gossip.js';
import type { NodeState } from './node-state.js';
import { startServer, type DoubleServer } from './server.js';
import type { Store } from './store.js';
import type { Subscriptions } from './subscriptions.js';

/** What can be done to a node. */
export type Deed = 'kill' | 'freeze' | 'thaw' | 'end' | 'start';

export interface Cluster {
  roles(): readonly string[];
  does(deed: Deed, node: number): Promise<void>;
  readonly subscriptions: Pick<Subscriptions, 'count' | 'drop'>;
  close(): Promise<void>;
}

interface Node {
  readonly port: number;
  readonly state: NodeState;
  running: { readonly server: DoubleServer; readonly proxy: TcpProxy } | undefined;
  isFrozen: boolean;
  /** The others noticed that it is frozen. */
  isMissed: boolean;
}

export async function openCluster(
  store: Store,
  knobs: Knobs,
  ports: readonly number[],
): Promise<Cluster> {
  const nodes = ports.map((port): Node => {
    const isFirst = port === ports[0];
    const state: NodeState = { role: isFirst ? 'leader' : 'follower', isLeaderThere: true };
    if (ports[0] !== undefined) state.leaderPort = ports[0];
    return { port, state, running: undefined, isFrozen: false, isMissed: false };
  });
  const start = async (node: Node) => {
    const members = () => nodes.map(memberOf);
    const place = { port: 0, publicPort: node.port, node: node.state, members };
    const server = await startServer(store, knobs, place);
    const proxy = await openTcpProxy(`http://127.0.0.1:${server.port}`, node.port);
    node.running = { server, proxy };
  };
  const elect = electionsOf(nodes, knobs);
  for (const node of nodes) await start(node);

  const deeds: Record<Deed, (node: Node) => Promise<void>> = {
    kill: async (node) => {
      await stop(node);
      node.state.role = 'electing';
      void elect(0);
    },
    freeze: async (node) => {
      node.isFrozen = true;
      if (node.running) node.running.proxy.mode = 'silent';
      void elect(knobs.now.noticeMs);
    },
    thaw: async (node) => {
      node.isFrozen = false;
      if (node.state.role === 'leader' && nodes.some((one) => leads(one) && one !== node))
        node.state.role = 'deposed';
      if (node.running) node.running.proxy.mode = 'through';
      void elect(knobs.now.noticeMs);
    },
    end: async (node) => {
      const ended = node.running?.server.endGracefully();
      void elect(0);
      await ended;
      await stop(node);
    },
    start: async (node) => {
      node.state.role = 'electing';
      await start(node);
      void elect(0);
    },
  };
  return {
    roles: () => nodes.map(roleOf),
    does: async (deed, number) => {
      const node = nodes[number];
      if (node) await deeds[deed](node);
    },
    subscriptions: subscriptionsOf(nodes),
    close: async () => {
      for (const node of nodes) await stop(node);
    },
  };
}

function subscriptionsOf(nodes: readonly Node[]): Cluster['subscriptions'] {
  const sumOf = (ask: (subscriptions: Subscriptions) => number) =>
    nodes.reduce((sum, { running }) => sum + (running ? ask(running.server.subscriptions) : 0), 0);
  return {
    get count() {
      return sumOf(({ count }) => count);
    },
    drop: () => sumOf((subscriptions) => subscriptions.drop()),
  };
}

async function stop(node: Node): Promise<void> {
  const { running } = node;
  node.running = undefined;
  node.isFrozen = false;
  running?.server.close();
  await running?.proxy.close();
}

const isThere = ({ running, isFrozen, state }: Node): boolean =>
  running !== undefined && !isFrozen && state.role !== 'ending';

const leads = (node: Node): boolean => isThere(node) && node.state.role === 'leader';

const roleOf = ({ running, isFrozen, state }: Node): string =>
  running === undefined ? 'gone' : isFrozen ? 'frozen' : state.role;

/** Answers with what elects, so long after something happened. */
function electionsOf(nodes: readonly Node[], knobs: Knobs) {
  const settle = () => {
    const there = nodes.filter(isThere);
    const hasMajority = there.length * 2 > nodes.length;
    const leader = hasMajority ? (there.find(leads) ?? there.find(isFollowing)) : undefined;
    for (const { state } of there) {
      state.isLeaderThere = true;
      if (!leader) state.role = 'electing';
      else if (state === leader.state) state.role = 'leader';
      else Object.assign(state, { role: 'follower', leaderPort: leader.port });
    }
  };
  return async (noticeMs: number): Promise<void> => {
    if (!nodes.some(leads)) for (const { state } of nodes) state.isLeaderThere = false;
    await sleep(noticeMs, undefined, { ref: false });
    for (const node of nodes) node.isMissed = node.isFrozen;
    if (!nodes.some(leads))
      for (const node of nodes.filter(isThere)) if (isFollowing(node)) node.state.role = 'electing';
    await sleep(knobs.now.electionMs, undefined, { ref: false });
    settle();
  };
}

/** A deposed leader follows before it leads again. */
const isFollowing = ({ state }: Node): boolean => state.role !== 'deposed';

const STATES: Readonly<Record<NodeState['role'], Member['state']>> = {
  leader: 'LEADER',
  follower: 'FOLLOWER',
  electing: 'UNKNOWN',
  deposed: 'UNKNOWN',
  ending: 'SHUTTINGDOWN',
};

/** One that is frozen is named as it was until that is noticed. */
function memberOf({ port, state, running, isMissed }: Node): Member {
  return { port, state: STATES[state.role], isAlive: running !== undefined && !isMissed };
}
