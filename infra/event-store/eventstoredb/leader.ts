/**
 * Finds the node that leads a cluster. All nodes that are known are asked at once, and a silent one
 * is not waited for: it may be the leader of before, which the others still call so until they have
 * elected another. So only who answers, and says so itself, is the leader.
 *
 *   ask all ──an answer, and 100 ms more──► who is called the leader most often
 *                                              └─► asked itself ──it leads──► found
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { within } from '../../concurrency/pause.js';
import { nameOf, type Endpoint } from './connection-string.js';

export interface Member {
  readonly endpoint: Endpoint;
  readonly isAlive: boolean;
  readonly leads: boolean;
}

interface Line<W> {
  readonly wire: W;
  readonly at: Endpoint;
}

interface SearchOptions<W> {
  /** Who is asked at first, and whenever nobody else answers. */
  readonly seeds: readonly Endpoint[];
  /** A name may lead to all nodes; the first of its addresses may be a node that is silent. */
  readonly resolve?: (seed: Endpoint) => Promise<readonly Endpoint[]>;
  readonly open: (endpoint: Endpoint) => W;
  readonly end: (wire: W) => unknown;
  readonly gossip: (wire: W, timeoutMs: number) => Promise<readonly Member[]>;
}

/** Rejects, saying why, when nobody who leads answers. `hint`: who was named as the leader. */
type FindLeader<W> = (hint?: Endpoint) => Promise<Line<W>>;

const GOSSIP_MS = 700;
const OTHERS_MS = 100;

/** A name server that is silent holds nobody up: the addresses of before are asked. */
const RESOLVE_MS = 200;

export function openLeaderSearch<W>(options: SearchOptions<W>): FindLeader<W> {
  const { open, end, gossip } = options;
  const seedsNow = openSeeds(options);
  let known: readonly Endpoint[] = [];

  const askOnce = async (endpoint: Endpoint): Promise<readonly Member[]> => {
    const wire = open(endpoint);
    try {
      return await gossip(wire, GOSSIP_MS);
    } finally {
      end(wire);
    }
  };

  async function lineTo(endpoint: Endpoint): Promise<Line<W>> {
    const wire = open(endpoint);
    try {
      const members = await gossip(wire, GOSSIP_MS);
      const named = members.find(({ leads }) => leads);
      if (named && nameOf(named.endpoint) === nameOf(endpoint)) return { wire, at: endpoint };
      throw new Error('it does not lead');
    } catch (error) {
      end(wire);
      throw new Error(`${nameOf(endpoint)}: ${(error as Error).message}`, { cause: error });
    }
  }

  return async (hint) => {
    if (hint) {
      const line = await lineTo(hint).catch(() => undefined);
      if (line) return line;
    }
    const { answers, reasons } = await askAll(distinct([...known, ...(await seedsNow())]), askOnce);
    const members = answers.flat();
    if (members.length > 0) known = distinct(members.map(({ endpoint }) => endpoint));
    const leader = mostNamed(answers);
    if (leader) return lineTo(leader);
    const why = answers.length > 0 ? 'none is elected' : reasons.join('; ');
    throw new Error(`no leader of the event store answers (${why})`);
  };
}

/** One look-up at a time. */
function openSeeds<W>({ seeds, resolve }: SearchOptions<W>): () => Promise<readonly Endpoint[]> {
  let places = seeds;
  let looking: Promise<void> | undefined;
  const look = async (find: NonNullable<typeof resolve>) => {
    const found = await Promise.allSettled(seeds.map(find));
    // A seed whose name nobody knows is asked as it is, and says so.
    return distinct(
      seeds.flatMap((seed, n) => {
        const one = found[n];
        return one?.status === 'fulfilled' ? one.value : [seed];
      }),
    );
  };
  return async () => {
    if (!resolve) return seeds;
    looking ??= look(resolve)
      .then((found) => void (places = found))
      .finally(() => (looking = undefined));
    await within(RESOLVE_MS, looking);
    return places;
  };
}

interface Answers {
  readonly answers: readonly (readonly Member[])[];
  readonly reasons: readonly string[];
}

async function askAll(
  endpoints: readonly Endpoint[],
  ask: (endpoint: Endpoint) => Promise<readonly Member[]>,
): Promise<Answers> {
  const answers: (readonly Member[])[] = [];
  const reasons: string[] = [];
  let first = (): void => undefined;
  const someAnswer = new Promise<void>((resolve) => (first = resolve));
  const asked = endpoints.map((endpoint) =>
    ask(endpoint).then(
      (members) => {
        answers.push(members);
        first();
      },
      (error: Error) => void reasons.push(`${nameOf(endpoint)}: ${error.message}`),
    ),
  );
  const all = Promise.all(asked);
  await Promise.race([all, someAnswer.then(() => Promise.race([all, sleep(OTHERS_MS)]))]);
  return { answers: [...answers], reasons: [...reasons] };
}

/** Who is called the leader by most. */
function mostNamed(answers: Answers['answers']): Endpoint | undefined {
  const votes = new Map<string, { readonly endpoint: Endpoint; count: number }>();
  for (const members of answers)
    for (const { endpoint, leads } of members) {
      if (!leads) continue;
      const vote = votes.get(nameOf(endpoint)) ?? { endpoint, count: 0 };
      vote.count++;
      votes.set(nameOf(endpoint), vote);
    }
  return [...votes.values()].sort((a, b) => b.count - a.count)[0]?.endpoint;
}

function distinct(endpoints: readonly Endpoint[]): readonly Endpoint[] {
  const byName = new Map(endpoints.map((endpoint) => [nameOf(endpoint), endpoint]));
  return [...byName.values()];
}
