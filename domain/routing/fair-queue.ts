/**
 * Who is next among those that wait for the same thing: parties in turn, each as often in a round
 * as its weight says, and first come first served within a party. A party that waits is served in
 * every round, however many others wait and however much they wait for.
 */
export interface FairQueue<P, E> {
  /** Entries of all parties. */
  readonly size: number;
  /** Behind the party's others. The id is unique among all that wait. */
  push(party: P, id: string, entry: E): void;
  /** Before the party's others: it was taken, and could not be served. */
  putBack(party: P, id: string, entry: E): void;
  /** Takes the next one, of the parties that are not passed over. */
  next(isPassedOver?: (party: P) => boolean): E | undefined;
  /** Takes this one out of its turn; undefined when it does not wait. */
  remove(id: string): E | undefined;
  /** Takes all of a party, in their order. */
  removeAll(party: P): readonly E[];
  sizeOf(party: P): number;
  entries(): Iterable<E>;
}

interface Node<P, E> {
  readonly party: P;
  readonly id: string;
  readonly entry: E;
  /** Removed out of its turn; its place is passed over. */
  isGone: boolean;
}

interface Party<P, E> {
  /** What is before `head` was taken. */
  nodes: Node<P, E>[];
  head: number;
  size: number;
  /** How often it is still served in this round. */
  left: number;
}

/** Taken entries that an array may hold before it is made anew. */
const TAKEN_MAX = 256;

interface Parties<P, E> {
  /** In the order of their turns. */
  readonly parties: Map<P, Party<P, E>>;
  readonly nodes: Map<string, Node<P, E>>;
  readonly turnsOf: (party: P) => number;
}

/** Weights are whole numbers; one below 1 counts as 1. */
export function createFairQueue<P, E>(weightOf: (party: P) => number): FairQueue<P, E> {
  const turnsOf = (party: P) => Math.max(1, Math.floor(weightOf(party)));
  const all: Parties<P, E> = { parties: new Map(), nodes: new Map(), turnsOf };
  const { parties, nodes } = all;
  return {
    get size() {
      return nodes.size;
    },
    push(party, id, entry) {
      const node = { party, id, entry, isGone: false };
      add(all, node, (own) => own.nodes.push(node));
    },
    putBack(party, id, entry) {
      const node = { party, id, entry, isGone: false };
      add(all, node, (own) => {
        if (own.head > 0) own.nodes[(own.head -= 1)] = node;
        else own.nodes.unshift(node);
      });
    },
    next(isPassedOver) {
      const [name, party] = firstParty(parties, isPassedOver) ?? [];
      if (name === undefined || !party) return undefined;
      const node = firstOf(party);
      leave(all, node, party);
      party.left -= 1;
      if (party.size > 0 && party.left === 0) {
        party.left = turnsOf(name);
        parties.delete(name);
        parties.set(name, party);
      }
      return node.entry;
    },
    remove(id) {
      const node = nodes.get(id);
      const party = node && parties.get(node.party);
      if (!party) return undefined;
      node.isGone = true;
      leave(all, node, party);
      return node.entry;
    },
    removeAll(name) {
      const party = parties.get(name);
      if (!party) return [];
      const own = party.nodes.slice(party.head).filter(({ isGone }) => !isGone);
      for (const node of own) leave(all, node, party);
      return own.map(({ entry }) => entry);
    },
    sizeOf: (name) => parties.get(name)?.size ?? 0,
    *entries() {
      for (const { entry } of nodes.values()) yield entry;
    },
  };
}

function firstParty<P, E>(
  parties: Map<P, Party<P, E>>,
  isPassedOver: ((party: P) => boolean) | undefined,
): [P, Party<P, E>] | undefined {
  for (const entry of parties) if (!isPassedOver?.(entry[0])) return entry;
  return undefined;
}

function add<P, E>(
  all: Parties<P, E>,
  node: Node<P, E>,
  place: (party: Party<P, E>) => void,
): void {
  const { parties, nodes, turnsOf } = all;
  if (nodes.has(node.id)) throw new Error(`${node.id} waits already`);
  nodes.set(node.id, node);
  const opened = { nodes: [], head: 0, size: 0, left: turnsOf(node.party) };
  const party = parties.get(node.party) ?? opened;
  parties.set(node.party, party);
  party.size += 1;
  place(party);
}

function leave<P, E>(
  { parties, nodes }: Parties<P, E>,
  { party: name, id }: Node<P, E>,
  party: Party<P, E>,
): void {
  nodes.delete(id);
  party.size -= 1;
  if (party.size === 0) parties.delete(name);
}

/** The party has one: it leaves the round with its last. */
function firstOf<P, E>(party: Party<P, E>): Node<P, E> {
  for (;;) {
    const node = party.nodes[party.head];
    party.head += 1;
    if (party.head > TAKEN_MAX) {
      party.nodes = party.nodes.slice(party.head);
      party.head = 0;
    }
    if (node && !node.isGone) return node;
  }
}
