/**
 * The double against recordings of what servers answer: statuses, details and their order.
 * `recordings/answers.json` says of each whether it was tried or read from the server's source.
 */
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { credentials, type Metadata, type ServiceError } from '@grpc/grpc-js';
import streamsGrpc from '@eventstore/db-client/generated/streams_grpc_pb.js';
import type { BatchAppendResp, ReadResp } from '@eventstore/db-client/generated/streams_pb.js';
import { expect } from 'chai';
import { eventually } from '../../../../testing/eventually.js';
import { temporaryFolder, type TemporaryFolder } from '../../../../testing/folders.js';
import type { EncodedEvent } from '../../codec.js';
import { appendMessage } from '../../eventstoredb/append-message.js';
import { followRequest, logRequest } from '../../eventstoredb/messages.js';
import type { EncodedAppend } from '../../unit.js';
import { startEventStoreDouble, type EventStoreDouble } from './double.js';

type Answer = string | Readonly<Record<string, unknown>>;

interface Recording {
  readonly id: string;
  readonly server: string;
  readonly how: string;
  readonly answers: readonly Answer[];
}

const file = join(import.meta.dirname, 'recordings', 'answers.json');
const recordings = JSON.parse(readFileSync(file, 'utf8')) as readonly Recording[];
const { StreamsClient, StreamsService } = streamsGrpc;

describe('event store double: recordings of servers', () => {
  let folder: TemporaryFolder;
  let double: EventStoreDouble;
  let client: InstanceType<typeof StreamsClient>;

  before(async () => {
    folder = await temporaryFolder();
    double = await startEventStoreDouble({ dir: folder.dir, behaviour: { giveUpMs: 300 } });
    client = new StreamsClient(`127.0.0.1:${double.port}`, credentials.createInsecure());
  });
  after(async () => {
    client.close();
    await double.close();
    await folder.remove();
  });

  const newAppend = (stream = `s-${randomUUID()}`, text = '', id = randomUUID()) => {
    const event = { id, type: 'Happened', data: JSON.stringify({ text }), metadata: '{}' };
    const events = [event as unknown as EncodedEvent];
    return { stream, expectedRevision: -1, events } as unknown as EncodedAppend;
  };
  const appended = (...appends: readonly EncodedAppend[]) =>
    answersTo(appends.length, client, appends);
  const landed = async (append = newAppend()) => {
    await appended(append);
    return append.stream;
  };
  const middle = async () => {
    await landed();
    await landed();
    return (await newest(client)) - 1n;
  };
  const followed = (after: bigint, streamPrefixes: readonly string[], isOver: IsOver) =>
    heardOn(client, followRequest(after, { streamPrefixes }), isOver);
  const isCaughtUp: IsOver = (heard) => heard.at(-1) === 'caughtUp';

  const asked: Readonly<Record<string, () => Promise<readonly Answer[]>>> = {
    'append: conflict': async () => appended(newAppend(await landed())),
    'append: repetition before it is indexed': async () => {
      await double.stall(150);
      const append = newAppend();
      return appended(append, append);
    },
    'append: not ready': async () => {
      await double.behave({ notReady: 1 });
      return appended(newAppend());
    },
    'append: busy': async () => {
      await double.behave({ busy: 1 });
      return appended(newAppend());
    },
    'append: too large': () => appended(newAppend(undefined, 'x'.repeat(1024 * 1024))),
    'append: one event too large': async () => {
      await double.behave({ eventBytesMax: 1_000 });
      return appended(newAppend(undefined, 'x'.repeat(1_000)));
    },
    'append: not leader': async () => {
      await double.behave({ notLeader: 1 });
      return appended(newAppend());
    },
    'read: position of no event': async () =>
      heardOn(client, logRequest({ from: await middle(), limit: 1, filter: {} }), () => false),
    'subscription: position of no event': async () => followed(await middle(), ['s-'], () => false),
    'subscription: one event, then the live end': async () => {
      const stream = await landed();
      await landed();
      return followed(await newest(client, 3), [stream], isCaughtUp);
    },
    'subscription: nothing to send': () => followed(-1n, ['nothing-'], isCaughtUp),
    'subscription: dropped as too slow': async () => {
      const heard = followed(-1n, ['nothing-'], () => false);
      await eventually('subscribed', async () => (await double.status()).subscribers === 1);
      await double.dropSubscribers();
      return heard;
    },
  };

  for (const { id, server, how, answers } of recordings)
    it(`${server}: ${id} (${how})`, async () => {
      await double.behave({ serverVersion: server });
      expect(await asked[id]?.()).to.deep.equal(answers);
    });

  it('each that can be asked is recorded', () => {
    expect(new Set(recordings.map(({ id }) => id))).to.deep.equal(new Set(Object.keys(asked)));
  });
});

type Client = InstanceType<typeof StreamsClient>;
type IsOver = (heard: readonly Answer[]) => boolean;

/** The position of the newest of so many events of ours, counted from the end. */
async function newest(client: Client, count = 1): Promise<bigint> {
  const positions: bigint[] = [];
  const call = client.read(logRequest({ from: 'end', limit: count, filter: {} }));
  for await (const answer of call as AsyncIterable<ReadResp>)
    positions.push(BigInt(answer.getEvent()?.getCommitPosition() ?? -1));
  return positions.at(-1) ?? -1n;
}

function statusOf({ code, details, metadata }: ServiceError): Answer {
  const trailers = trailersIn(metadata);
  return { status: code, details, trailers };
}

/** Ports differ from run to run. */
function trailersIn(metadata: Metadata): Readonly<Record<string, unknown>> {
  const names = ['exception', 'leader-endpoint-host'];
  const entries = Object.entries(metadata.getMap());
  return Object.fromEntries(entries.filter(([name]) => names.includes(name)));
}

function heardOn(
  client: Client,
  request: Parameters<Client['read']>[0],
  isOver: IsOver,
): Promise<readonly Answer[]> {
  const call = client.read(request);
  const heard: Answer[] = [];
  return new Promise((resolve) => {
    call.on('data', (answer: ReadResp) => {
      heard.push(wordFor(answer));
      if (!isOver(heard)) return;
      resolve([...heard]);
      call.cancel();
    });
    call.on('error', (error: ServiceError) => resolve([...heard, statusOf(error)]));
    call.on('end', () => resolve([...heard, 'end']));
  });
}

function wordFor(answer: ReadResp): string {
  if (answer.hasConfirmation()) return 'confirmation';
  if (answer.hasCaughtUp()) return 'caughtUp';
  if (!answer.hasCheckpoint()) return 'event';
  const position = answer.getCheckpoint()?.getCommitPosition() ?? '';
  return BigInt(position) === 2n ** 64n - 1n ? `checkpoint ${position}` : 'checkpoint';
}

/** All over one stream, one behind the other. */
function answersTo(
  count: number,
  client: Client,
  appends: readonly EncodedAppend[],
): Promise<readonly Answer[]> {
  const { batchAppend } = StreamsService;
  const call = client.makeBidiStreamRequest(
    batchAppend.path,
    (message: Buffer) => message,
    batchAppend.responseDeserialize,
  );
  const heard: Answer[] = [];
  return new Promise((resolve) => {
    call.on('data', (answer: BatchAppendResp) => {
      heard.push(answerIn(answer));
      if (heard.length < count) return;
      resolve([...heard]);
      call.end();
    });
    call.on('error', (error: ServiceError) => resolve([...heard, statusOf(error)]));
    for (const append of appends)
      call.write(appendMessage(randomUUID(), append, Date.now() + 10_000));
  });
}

function answerIn(answer: BatchAppendResp): Answer {
  const error = answer.getError();
  if (!error) return { success: Number(answer.getSuccess()?.getCurrentRevision()) };
  const type = error.getDetails()?.getTypeName();
  return { error: error.getMessage(), code: error.getCode(), type };
}
