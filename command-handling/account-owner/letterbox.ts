/** Where a process hears: that there is mail for accounts at home here, and answers to its own. */
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import type { StreamName } from '../../contracts/streams.js';
import type { HomeConnections } from './home-connections.js';
import { readSettled, writeSettled, type Settled } from './mail.js';

interface LetterboxOptions {
  readonly connections: HomeConnections;
  /** For whoever looks at who is home. */
  readonly instance: string;
  readonly onMail: (stream: StreamName) => void;
}

/** Mail that waits for its answers. */
export interface Letter {
  readonly id: string;
  /** Undefined when they are not all there in that time. */
  answered(withinMs: number): Promise<readonly Settled[] | undefined>;
  /** Who answered looks for the next mail without being woken. */
  readonly isFromAwake: boolean;
  close(): void;
}

export interface Letterbox {
  readonly channel: string;
  /** From here on wakes and answers are heard. Throws outages. */
  listen(): Promise<void>;
  open(tickets: number): Letter;
  answer(to: Sender, index: number, settled: Settled, isAwake: boolean): void;
  close(): Promise<void>;
}

/** Of a letter. */
export interface Sender {
  readonly channel: string;
  readonly id: string;
}

interface Open {
  readonly answers: (Settled | undefined)[];
  missing: number;
  isFromAwake: boolean;
  readonly complete: () => void;
}

type Written = readonly [index: number, settled: unknown, isAwake?: 1];

/** PostgreSQL takes 8000 bytes in one notification. */
const PAYLOAD_BYTES_MAX = 7_000;
/** And names of channels have at most 63. */
const NAME_MAX = 40;
const ANSWER = 'answer ';

export function openLetterbox({ connections, instance, onMail }: LetterboxOptions): Letterbox {
  const channel = `${instance.slice(0, NAME_MAX)}_${randomUUID().slice(0, 8)}`;
  const letters = new Map<string, Open>();
  /** By channel and letter, what is to be sent with the next statement. */
  const outbox = new Map<string, string[]>();
  let line: Promise<pg.Client> | undefined;

  async function connect(): Promise<pg.Client> {
    const client = await connections.listen(channel);
    client.on('end', () => (line = undefined));
    client.on('notification', ({ payload = '' }) => {
      if (payload.startsWith(ANSWER)) hear(payload.slice(ANSWER.length));
      else onMail(payload as StreamName);
    });
    return client;
  }

  function hear(text: string): void {
    const [id, ...answers] = JSON.parse(text) as [string, ...Written[]];
    const letter = letters.get(id);
    if (!letter) return;
    for (const [index, written, isAwake] of answers) {
      if (letter.answers[index]) continue;
      letter.isFromAwake = isAwake === 1;
      letter.answers[index] = readSettled(written);
      letter.missing--;
    }
    if (letter.missing === 0) letter.complete();
  }

  async function flush(): Promise<void> {
    const channels: string[] = [];
    const payloads: string[] = [];
    for (const [to, answers] of outbox) {
      const [into = '', id = ''] = to.split(' ');
      for (const payload of payloadsOf(id, answers)) {
        channels.push(into);
        payloads.push(payload);
      }
    }
    outbox.clear();
    // An answer that is lost leaves its sender not knowing, which it can bear.
    if (channels.length > 0) await connections.notify(channels, payloads).catch(() => undefined);
  }

  return {
    channel,
    async listen() {
      line ??= connect();
      await line.catch((error: unknown) => {
        line = undefined;
        throw error;
      });
    },
    open: (tickets) => letterOf(letters, tickets),
    answer({ channel: to, id }, index, settled, isAwake) {
      if (outbox.size === 0) setImmediate(() => void flush());
      const key = `${to} ${id}`;
      const answers = outbox.get(key) ?? [];
      answers.push(`[${index},${writeSettled(settled)}${isAwake ? ',1' : ''}]`);
      outbox.set(key, answers);
    },
    async close() {
      await flush();
      await (await line?.catch(() => undefined))?.end();
    },
  };
}

function letterOf(letters: Map<string, Open>, tickets: number): Letter {
  const id = randomUUID();
  const answers: (Settled | undefined)[] = Array.from({ length: tickets }, () => undefined);
  let complete: () => void = () => undefined;
  const completed = new Promise<readonly Settled[]>((resolve) => {
    complete = () => resolve(answers as Settled[]);
  });
  const open: Open = { answers, missing: tickets, isFromAwake: false, complete };
  letters.set(id, open);
  return {
    id,
    get isFromAwake() {
      return open.isFromAwake;
    },
    async answered(withinMs) {
      const waiting = new AbortController();
      const late = sleep(withinMs, undefined, { signal: waiting.signal }).catch(() => undefined);
      const settled = await Promise.race([completed, late]);
      waiting.abort();
      return settled;
    },
    close: () => void letters.delete(id),
  };
}

function* payloadsOf(id: string, answers: readonly string[]): Generator<string> {
  const begin = `${ANSWER}["${id}"`;
  let payload = begin;
  for (const answer of answers) {
    if (Buffer.byteLength(payload) + Buffer.byteLength(answer) > PAYLOAD_BYTES_MAX) {
      yield `${payload}]`;
      payload = begin;
    }
    payload += `,${answer}`;
  }
  yield `${payload}]`;
}
