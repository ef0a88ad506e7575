/** Database clients in closed loops: each does one thing again and again until the time is over. */
import pg from 'pg';

export interface Timed {
  readonly seconds: number;
}

export interface Count {
  /** Done within the time, per second. */
  readonly perSecond: number;
}

interface Loops extends Timed {
  readonly url: string;
  readonly clients: number;
  readonly once: (client: pg.Client, user: number) => Promise<void>;
}

/** Connections are made before the clock starts, and closed for the turn of the other side. */
export async function countInLoops({ url, clients, seconds, once }: Loops): Promise<Count> {
  const connections = Array.from(
    { length: clients },
    () => new pg.Client({ connectionString: url }),
  );
  await Promise.all(connections.map((client) => client.connect()));
  const deadline = performance.now() + seconds * 1000;
  let count = 0;
  async function user(client: pg.Client, index: number): Promise<void> {
    while (performance.now() < deadline) {
      await once(client, index);
      if (performance.now() <= deadline) count++;
    }
  }
  await Promise.all(connections.map(user));
  await Promise.all(connections.map((client) => client.end()));
  return { perSecond: count / seconds };
}
