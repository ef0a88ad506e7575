/** The gRPC server: the services that the client calls, over the generated definitions it ships. */
import { Server, ServerCredentials, type ServiceDefinition } from '@grpc/grpc-js';
import type { sendUnaryData, ServerUnaryCall } from '@grpc/grpc-js';
import featuresGrpc from '@eventstore/db-client/generated/serverfeatures_grpc_pb.js';
import gossipGrpc from '@eventstore/db-client/generated/gossip_grpc_pb.js';
import featuresPb from '@eventstore/db-client/generated/serverfeatures_pb.js';
import streamsGrpc from '@eventstore/db-client/generated/streams_grpc_pb.js';
import { appendOne, batchAppend } from './appends.js';
import { decodeBatchPart } from './batch-append.js';
import type { Knobs } from './behaviour.js';
import { deleteStream, tombstoneStream } from './deletes.js';
import { openGivenUp } from './given-up.js';
import { readGossip, type Member } from './gossip.js';
import { startingState, type NodeState } from './node-state.js';
import { read } from './reads.js';
import type { Store } from './store.js';
import { openAccess } from './access.js';
import { openSubscriptions, type Subscriptions } from './subscriptions.js';
import { keepSystemEvents } from './system-events.js';

export interface DoubleServer {
  readonly port: number;
  readonly subscriptions: Subscriptions;
  /** Resolves when all connections are closed, by their clients or as the grace is over. */
  endGracefully(): Promise<void>;
  close(): void;
}

/** The server takes records of 16 MB; what is too large is refused by its own count, not here. */
const MESSAGE_BYTES_MAX = 17 * 1024 * 1024;

/** Of one connection; what is asked beyond waits at the client until another ends. */
const STREAMS_MAX = 100;
/** An idle connection is pinged after so long, and is dead when it does not answer in as long. */
const KEEP_ALIVE_MS = 10_000;

const raw = (bytes: Buffer): Buffer => bytes;
const methods = streamsGrpc.StreamsService;
/** What is read, and what is answered to a batch, is encoded before it comes here. */
const streamsService = {
  ...methods,
  read: { ...methods.read, responseSerialize: raw },
  batchAppend: {
    ...methods.batchAppend,
    requestDeserialize: decodeBatchPart,
    responseSerialize: raw,
  },
} as unknown as ServiceDefinition;

/** An address, and a key with its certificate unless callers come without TLS. */
export interface Listening {
  readonly port: number;
  /** The port that callers know, when something stands before this one. */
  readonly publicPort?: number;
  /** What it is in its cluster, and who else there is; alone it leads. */
  readonly node?: NodeState;
  readonly members?: () => readonly Member[];
  readonly tls?: { readonly key: Buffer; readonly cert: Buffer };
}

export async function startServer(
  store: Store,
  knobs: Knobs,
  listening: Listening,
): Promise<DoubleServer> {
  const server = new Server({
    'grpc.max_receive_message_length': MESSAGE_BYTES_MAX,
    'grpc.max_send_message_length': MESSAGE_BYTES_MAX,
    'grpc.max_concurrent_streams': STREAMS_MAX,
    'grpc.keepalive_time_ms': KEEP_ALIVE_MS,
    'grpc.keepalive_timeout_ms': KEEP_ALIVE_MS,
  });
  const { port, publicPort, node = startingState() } = listening;
  const subscriptions = openSubscriptions(store, knobs, node);
  const access = openAccess(store, knobs);
  const reading = { store, knobs, node, access, subscriptions };
  let bound = publicPort ?? port;
  const systemEvents = keepSystemEvents(store, knobs, () => bound);
  const givenUp = openGivenUp(knobs);
  const { appended } = systemEvents;
  const bindings = { port: () => bound, appended, givenUp };
  const appending = { store, knobs, node, access, ...bindings };

  server.addService(streamsService, {
    read: read.bind(undefined, reading),
    append: appendOne.bind(undefined, appending),
    batchAppend: batchAppend.bind(undefined, appending),
    delete: deleteStream.bind(undefined, store),
    tombstone: tombstoneStream.bind(undefined, store),
  });
  server.addService(featuresGrpc.ServerFeaturesService, {
    getSupportedMethods: getSupportedMethods.bind(undefined, knobs),
  });
  const alone = (): readonly Member[] => [{ port: bound, state: 'LEADER', isAlive: true }];
  server.addService(gossipGrpc.GossipService, {
    read: readGossip.bind(undefined, listening.members ?? alone),
  });
  const taken = await listen(server, listening);
  bound = publicPort ?? taken;
  await systemEvents.begin();
  const close = () => {
    systemEvents.end();
    givenUp.end();
    server.forceShutdown();
  };
  return {
    port: taken,
    subscriptions,
    endGracefully: async () => {
      node.role = 'ending';
      await new Promise<void>((resolve) => {
        server.tryShutdown(() => resolve());
        setTimeout(resolve, knobs.now.graceMs);
      });
      close();
    },
    close,
  };
}

function listen(server: Server, { port, tls }: Listening): Promise<number> {
  const credentials = tls
    ? ServerCredentials.createSsl(null, [{ private_key: tls.key, cert_chain: tls.cert }])
    : ServerCredentials.createInsecure();
  return new Promise((resolve, reject) => {
    server.bindAsync(`127.0.0.1:${port}`, credentials, (error, taken) =>
      error ? reject(error) : resolve(taken),
    );
  });
}

type Features = InstanceType<typeof featuresPb.SupportedMethods>;

function getSupportedMethods(
  knobs: Knobs,
  _call: ServerUnaryCall<unknown, Features>,
  callback: sendUnaryData<Features>,
): void {
  const supported = Object.values(methods).map((definition) => {
    const [, service = '', method = ''] = (definition as { path: string }).path.split('/');
    return new featuresPb.SupportedMethod()
      .setServiceName(service.toLowerCase())
      .setMethodName(method.toLowerCase())
      .setFeaturesList(method === 'Read' ? ['position', 'events'] : []);
  });
  const features = new featuresPb.SupportedMethods();
  features.setEventStoreServerVersion(knobs.now.serverVersion).setMethodsList(supported);
  callback(null, features);
}
