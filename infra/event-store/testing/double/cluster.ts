/**
 * A cluster of three doubles whose leader is killed, frozen or ended. One that is frozen is named
 * for a while yet, then nobody leads, then another one does. Whoever led before comes back as a
 * follower.
 */
import { eventually } from '../../../../testing/eventually.js';
import { startEventStoreDouble } from './double.js';
import type { Deed } from './nodes.js';

export type LeaderStrike = 'killed' | 'frozen' | 'ended';

export interface DoubleCluster {
  readonly url: string;
  /** Resolves when another node leads. The one before may be silent, or ending, for a while yet. */
  strikeLeader(strike: LeaderStrike, electionMs: number): Promise<void>;
  /** The node that led before is a follower now. */
  whole(): Promise<void>;
  close(): Promise<void>;
}

const NODES = 3;
const PATIENCE_MS = 20_000;
const DEEDS: Readonly<Record<LeaderStrike, Deed>> = {
  killed: 'kill',
  frozen: 'freeze',
  ended: 'end',
};

export async function startDoubleCluster(dir: string): Promise<DoubleCluster> {
  const double = await startEventStoreDouble({ dir, nodes: NODES });
  const roles = async () => (await double.status()).roles;
  let gone: { readonly node: number; readonly deed: Deed; readonly done: Promise<void> };
  return {
    url: double.url,
    async strikeLeader(strike, electionMs) {
      const deed = DEEDS[strike];
      const noticeMs = strike === 'frozen' ? electionMs / 2 : 0;
      await double.behave({ noticeMs, electionMs: electionMs - noticeMs });
      const node = (await roles()).indexOf('leader');
      gone = { node, deed, done: double.node(deed, node) };
      const another = async () => {
        const leader = (await roles()).indexOf('leader');
        return leader !== -1 && leader !== node;
      };
      await eventually('another node leads', another, PATIENCE_MS);
    },
    async whole() {
      await gone.done;
      await double.node(gone.deed === 'freeze' ? 'thaw' : 'start', gone.node);
      const isBack = async () => (await roles())[gone.node] === 'follower';
      await eventually('the node before follows', isBack, PATIENCE_MS);
    },
    close: () => double.close(),
  };
}
