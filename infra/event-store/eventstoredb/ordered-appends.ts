/**
 * Appends whose order in the log matters: over one connection of their own, each sent before the
 * ones in front of it are answered. A server takes what comes over one connection in its order, so
 * what has landed of them is a beginning of them; the positions in the answers show it.
 *
 *   waiting ──► sent, a bounded number unanswered ──► landed
 *                        │ any other answer, or silence
 *                        ▼
 *              nothing more is sent, and the connection is closed once what was sent is answered
 */
import type { EncodedAppend } from '../unit.js';
import type { ConnectionStream, OpenStream } from './append-connections.js';
import { appendMessage } from './append-message.js';
import type { AppendAnswer } from './log-client.js';

export interface OrderedAppends {
  /**
   * One answer an append, in order. Behind the first one that did not land an append may have
   * landed or not, whatever its answer is. One call at a time; never rejects.
   */
  append(appends: readonly EncodedAppend[]): Promise<readonly AppendAnswer[]>;
  close(): void;
}

/** More would wait in the server, where a short stall then counts for all of them. */
const UNANSWERED_MAX = 512;

/** A server gives an append up after two seconds; what it answers by then is waited for. */
const SILENCE_MS = 3_000;
const LOOK_MS = 50;

/**
 * Far away, and the same for all: an append that a server refuses for its lateness would be
 * overtaken by the next one.
 */
const DEADLINE_MS = 3_600_000;

export function openOrderedAppends(open: OpenStream): OrderedAppends {
  let connection: Connection | undefined;
  return {
    async append(appends) {
      connection ??= openConnection(open);
      const answers = await sendAll(connection, appends);
      if (answers.some(({ kind }) => kind !== 'landed')) {
        connection.close();
        connection = undefined;
      }
      return answers;
    },
    close: () => connection?.close(),
  };
}

interface Connection {
  readonly stream: Promise<ConnectionStream>;
  /** Of the present call. */
  answered: (correlation: string, answer: AppendAnswer) => void;
  ended: string | undefined;
  close(): void;
}

function openConnection(open: OpenStream): Connection {
  const stream = open({
    answer: (correlation, answer) => connection.answered(correlation, answer),
    drained: () => undefined, // what is unanswered is bounded
    ended: (reason) => void (connection.ended ??= reason),
  });
  const connection: Connection = {
    stream,
    answered: () => undefined,
    ended: undefined,
    close() {
      connection.ended ??= 'the event store is closed';
      stream.then(
        (opened) => opened.cancel(),
        () => undefined, // there is none to cancel
      );
    },
  };
  stream.catch((error: Error) => void (connection.ended ??= error.message));
  return connection;
}

let calls = 0;

function sendAll(
  connection: Connection,
  appends: readonly EncodedAppend[],
): Promise<readonly AppendAnswer[]> {
  const answers = new Map<string, AppendAnswer>();
  const call = (++calls).toString(16).padStart(12, '0');
  const nameOf = (index: number) => `${index.toString(16).padStart(8, '0')}-0000-4000-8000-${call}`;
  const deadline = Date.now() + DEADLINE_MS;
  let [sent, heardAt, isWhole] = [0, performance.now(), true];

  return new Promise((resolve) => {
    let stream: ConnectionStream | undefined;
    const send = () => {
      for (; stream && isWhole && sent < appends.length; sent++) {
        const append = appends[sent];
        if (!append || sent - answers.size >= UNANSWERED_MAX) return;
        stream.write(appendMessage(nameOf(sent), append, deadline));
      }
    };
    const look = () => {
      const isSilent = performance.now() - heardAt > SILENCE_MS;
      if (connection.ended !== undefined || isSilent) isWhole = false;
      const isOver = isWhole ? answers.size === appends.length : answers.size === sent;
      if (!isOver && !isSilent && connection.ended === undefined) return;
      clearInterval(looking);
      connection.answered = () => undefined;
      const reason = connection.ended ?? 'the event store did not answer in time';
      resolve(appends.map((_, n) => answers.get(nameOf(n)) ?? { kind: 'unknown', reason }));
    };
    const looking = setInterval(look, LOOK_MS);
    connection.answered = (correlation, answer) => {
      answers.set(correlation, answer);
      heardAt = performance.now();
      if (answer.kind !== 'landed') isWhole = false;
      send();
      if (answers.size === sent) look();
    };
    connection.stream.then(
      (opened) => {
        stream = opened;
        send();
      },
      () => undefined, // `connection.ended` says why
    );
  });
}
