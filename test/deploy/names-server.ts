/** A name server as a cluster has one: each name has the addresses that were last told. */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';

export interface NamesServer {
  readonly port: number;
  /** The A records of a name, from the next question on. */
  tell(name: string, addresses: readonly string[]): void;
  close(): Promise<void>;
}

const HEADER_BYTES = 12;
const QUESTION_TAIL_BYTES = 4;
const TYPE_A = 1;
const ANSWER = 0x8180;
const UNKNOWN_NAME = 0x8183;

export async function startNamesServer(): Promise<NamesServer> {
  const records = new Map<string, readonly string[]>();
  const socket = createSocket('udp4');
  socket.on('message', (message, { port, address }) =>
    socket.send(answerTo(message, records), port, address),
  );
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  return {
    port: socket.address().port,
    tell: (name, addresses) => void records.set(name, addresses),
    close: async () => {
      socket.close();
      await once(socket, 'close');
    },
  };
}

function answerTo(message: Buffer, records: ReadonlyMap<string, readonly string[]>): Buffer {
  const { name, end } = nameIn(message);
  const question = message.subarray(HEADER_BYTES, end + QUESTION_TAIL_BYTES);
  const known = records.get(name);
  const addresses = message.readUInt16BE(end) === TYPE_A ? (known ?? []) : [];
  const header = Buffer.alloc(HEADER_BYTES);
  header.writeUInt16BE(message.readUInt16BE(0), 0);
  header.writeUInt16BE(known ? ANSWER : UNKNOWN_NAME, 2);
  header.writeUInt16BE(1, 4);
  header.writeUInt16BE(addresses.length, 6);
  return Buffer.concat([header, question, ...addresses.map(record)]);
}

/** Labels, each behind its length; a zero ends them. */
function nameIn(message: Buffer): { readonly name: string; readonly end: number } {
  const labels: string[] = [];
  let at = HEADER_BYTES;
  for (let length = message[at] ?? 0; length > 0; length = message[at] ?? 0) {
    labels.push(message.toString('latin1', at + 1, at + 1 + length));
    at += 1 + length;
  }
  return { name: labels.join('.').toLowerCase(), end: at + 1 };
}

/** A pointer to the question's name, type A, class IN, one second, four bytes. */
const record = (address: string): Buffer =>
  Buffer.from([
    0xc0,
    HEADER_BYTES,
    0,
    1,
    0,
    1,
    0,
    0,
    0,
    1,
    0,
    4,
    ...address.split('.').map(Number),
  ]);
