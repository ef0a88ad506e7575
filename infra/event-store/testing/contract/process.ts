/**
 * A process beside the suite: on command it appends without pause, or follows the whole log, and
 * says over IPC what it was answered and what it saw.
 */
import { randomUUID } from 'node:crypto';
import type { StreamName } from '../../../../contracts/streams.js';
import {
  NO_STREAM,
  START,
  StoreOverloaded,
  StoreUnavailable,
  type AppendUnit,
  type EventStore,
} from '../../port.js';
import { named, newStream, unitOf } from './kit.js';

export type Command =
  | { readonly do: 'write'; readonly contested: StreamName }
  | { readonly do: 'rest' }
  | { readonly do: 'follow' };

export type Saying =
  | { readonly say: 'ready' }
  | { readonly say: 'resting' }
  | { readonly say: 'landed'; readonly events: readonly LandedEvent[] }
  | { readonly say: 'saw'; readonly events: readonly SeenEvent[] }
  | { readonly say: 'failed'; readonly error: string };

/** Where the writer was told that its unit's last event stands. */
export type LandedEvent = readonly [id: string, position: string];
export type SeenEvent = readonly [id: string, position: string];

/** Lanes of a writer that append beside one another. */
const LANES = 4;

export async function serveContract(open: () => Promise<EventStore>): Promise<void> {
  const store = await open();
  const say = (saying: Saying) => void process.send?.(saying);
  const fail = (error: unknown) => say({ say: 'failed', error: String(error) });
  let writing = false;

  async function write(contested: StreamName): Promise<void> {
    writing = true;
    const lanes = Array.from({ length: LANES }, async (_, lane) => {
      while (writing) await (lane === 0 ? contend(contested) : landNew());
    });
    await Promise.all(lanes);
    say({ say: 'resting' });
  }

  async function landNew(): Promise<void> {
    const unit = unitOf(newStream(), NO_STREAM, ...named(1 + Math.floor(Math.random() * 4)));
    await tell(unit);
  }

  /** Goes on in a stream in which other processes go on, too. */
  async function contend(stream: StreamName): Promise<void> {
    const last = await persist(() => store.readStream(stream, { direction: 'backward', limit: 1 }));
    await tell(unitOf(stream, last[0]?.revision ?? NO_STREAM, ...named(2, randomUUID())));
  }

  async function tell(unit: AppendUnit): Promise<void> {
    const [outcome] = await persist(() => store.append(unit));
    const last = unit.appends[0].events.at(-1);
    if (outcome?.status === 'appended' && last)
      say({ say: 'landed', events: [[last.id, `${outcome.position}`]] });
  }

  async function follow(): Promise<void> {
    for await (const { events } of store.subscribe(START, {}, new AbortController().signal))
      say({ say: 'saw', events: events.map(({ id, position }) => [id, `${position}`]) });
  }

  process.on('message', (command: Command) => {
    if (command.do === 'write') write(command.contested).catch(fail);
    if (command.do === 'follow') follow().catch(fail);
    if (command.do === 'rest') writing = false;
  });
  process.on('disconnect', () => process.exit());
  say({ say: 'ready' });
}

/** The same again, with the same ids, for as long as the store is away. */
async function persist<T>(ask: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await ask();
    } catch (error) {
      if (!(error instanceof StoreUnavailable || error instanceof StoreOverloaded)) throw error;
    }
  }
}
