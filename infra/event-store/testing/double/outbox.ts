/** What waits to be sent to a subscriber: 32 messages, beside what the transport holds. */
import type { ReadReq } from '@eventstore/db-client/generated/streams_pb.js';
import type { ServerWritableStream } from '@grpc/grpc-js';

export type ReadCall = ServerWritableStream<ReadReq, Buffer>;

export interface Outbox {
  readonly isFull: boolean;
  push(message: Buffer): void;
}

/** The real server's channel between its reading and its writing. */
export const CHANNEL_MESSAGES = 32;

export function openOutbox(call: ReadCall, hasRoom: () => void): Outbox {
  const waiting: Buffer[] = [];
  let isBlocked = false;
  const flush = () => {
    while (!isBlocked) {
      const message = waiting.shift();
      if (!message) return;
      isBlocked = !call.write(message);
    }
  };
  call.on('drain', () => {
    isBlocked = false;
    flush();
    if (waiting.length < CHANNEL_MESSAGES) hasRoom();
  });
  return {
    get isFull() {
      return waiting.length >= CHANNEL_MESSAGES;
    },
    push: (message) => {
      waiting.push(message);
      flush();
    },
  };
}
