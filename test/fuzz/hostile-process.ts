/**
 * The hostile clients: each does one kind of harm, again and again, until the time is over. Asked
 * to burn instead, it takes as much of the processors as they did, and touches no server.
 */
import { connect, type Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';

export interface HostileTask {
  readonly port: number;
  readonly apiKey: string;
  readonly clients: number;
  readonly forMs: number;
}

/** How much of one processor, for how long. */
export interface BurningTask {
  readonly burnShare: number;
  readonly forMs: number;
}

export interface HostileReport {
  /** Of one processor, that the clients themselves took. */
  readonly processorShare: number;
  /** How often each kind of client was answered with which status; 0: cut without an answer. */
  readonly statuses: Readonly<Record<string, number>>;
  /** The longest that a whole request waited for its answer. */
  readonly slowestMs: number;
}

process.on('message', (task: HostileTask | BurningTask) => {
  const done = 'burnShare' in task ? burn(task) : attack(task);
  void done.then((report) => process.send?.(report ?? 'burnt'));
});
process.send?.('ready');

/** Writes its harm, and says when a whole request was sent. */
type Kind = (socket: Socket, task: HostileTask) => Promise<'whole' | 'part'>;

async function attack(task: HostileTask): Promise<HostileReport> {
  const startedMs = performance.now();
  const untilMs = startedMs + task.forMs;
  const usedBefore = process.cpuUsage();
  const statuses: Record<string, number> = {};
  let slowestMs = 0;
  const names = Object.keys(kinds);
  const client = async (n: number) => {
    const name = names[n % names.length] ?? '';
    const kind = kinds[name];
    while (kind && performance.now() < untilMs) {
      const { status, waitedMs } = await once(kind, task, untilMs);
      statuses[`${name} ${status}`] = (statuses[`${name} ${status}`] ?? 0) + 1;
      slowestMs = Math.max(slowestMs, waitedMs);
    }
  };
  await Promise.all(Array.from({ length: task.clients }, (_, n) => client(n)));
  const { user, system } = process.cpuUsage(usedBefore);
  const processorShare = (user + system) / 1_000 / (performance.now() - startedMs);
  return { processorShare, statuses, slowestMs };
}

/** In slices as short as those in which clients work. */
async function burn({ burnShare, forMs }: BurningTask): Promise<void> {
  const untilMs = performance.now() + forMs;
  const restMs = SLICE_MS * Math.max(0, 1 / burnShare - 1);
  while (performance.now() < untilMs) {
    const sliceEndMs = performance.now() + SLICE_MS;
    while (performance.now() < sliceEndMs);
    await pause(restMs);
  }
}

const SLICE_MS = 3;

async function once(kind: Kind, task: HostileTask, untilMs: number) {
  const socket = connect({ port: task.port, host: '127.0.0.1', allowHalfOpen: true });
  socket.setNoDelay(true);
  const answered = answerOf(socket);
  const sent = await Promise.race([kind(socket, task), answered.then(() => 'answered' as const)]);
  const sentMs = performance.now();
  const end = new AbortController();
  const tooLate = pause(Math.max(100, untilMs - sentMs), 0, { signal: end.signal }).catch(() => 0);
  const status = await Promise.race([answered, tooLate]);
  end.abort();
  socket.destroy();
  return { status, waitedMs: sent === 'whole' ? performance.now() - sentMs : 0 };
}

function answerOf(socket: Socket): Promise<number> {
  return new Promise((resolve) => {
    let head = '';
    socket.on('data', (piece: Buffer) => {
      head += piece.toString('latin1');
      const [, status] = /^HTTP\/1\.1 ([2-5]\d\d) /.exec(head) ?? [];
      if (status !== undefined) resolve(Number(status));
    });
    socket.on('error', () => resolve(0));
    socket.on('close', () => resolve(0));
  });
}

const headOf = (line: string, { apiKey }: HostileTask, ...headers: string[]) =>
  [`${line} HTTP/1.1`, 'host: x', `authorization: Bearer ${apiKey}`, ...headers, '', ''].join(
    '\r\n',
  );

const JSON_TYPE = 'content-type: application/json';
const distinct = `{"model":"text-generation-standard","input":{"prompt":"x","list":[${Array.from(
  { length: 150_000 },
  (_, n) => n,
).join()}]}}`;

const kinds: Readonly<Record<string, Kind>> = {
  async crumbs(socket, task) {
    const headers = ['idempotency-key: x', JSON_TYPE, 'transfer-encoding: chunked'];
    socket.write(headOf('POST /v1/executions', task, ...headers));
    for (let sent = 0; sent < 40_000 && socket.writable; sent += 100) {
      socket.write('1\r\n \r\n'.repeat(100));
      await pause(1);
    }
    return 'part';
  },
  async slowHeaders(socket, task) {
    for (const letter of headOf('GET /v1/models', task).repeat(2)) {
      if (!socket.writable) break;
      socket.write(letter);
      await pause(200);
    }
    return 'part';
  },
  async distinctItems(socket, task) {
    const length = `content-length: ${distinct.length}`;
    const head = headOf('POST /v1/executions', task, 'idempotency-key: x', JSON_TYPE, length);
    await written(socket, head + distinct);
    return 'whole';
  },
  async filters(socket, task) {
    const query = Array.from({ length: 200 }, (_, n) => `metadata[k${n}]=v`).join('&');
    await written(socket, headOf(`GET /v1/executions?${query}`, task));
    return 'whole';
  },
  async halfOpen(socket, task) {
    socket.end(headOf('POST /v1/executions', task, JSON_TYPE, 'content-length: 100'));
    await pause(5_000);
    return 'part';
  },
};

const written = (socket: Socket, text: string): Promise<void> =>
  new Promise((resolve) => socket.write(text, () => resolve()));
