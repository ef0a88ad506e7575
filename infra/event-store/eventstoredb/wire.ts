/**
 * What is taken from `@eventstore/db-client`: a channel to one node (address, TLS, credentials,
 * keep-alive), and how calls are made on it. What to do when one fails is not left to the client.
 */
import { EventStoreDBClient } from '@eventstore/db-client';
import gossipGrpc from '@eventstore/db-client/generated/gossip_grpc_pb.js';
import type { Metadata } from '@grpc/grpc-js';
import gossipPb, { type ClusterInfo } from '@eventstore/db-client/generated/gossip_pb.js';
import featuresGrpc from '@eventstore/db-client/generated/serverfeatures_grpc_pb.js';
import sharedPb from '@eventstore/db-client/generated/shared_pb.js';
import type { StreamsClient } from '@eventstore/db-client/generated/streams_grpc_pb.js';
import type { Member } from './leader.js';

export interface Wire {
  getChannel(): Promise<{ close(): void }>;
  GRPCStreamCreator<Stream>(
    client: typeof StreamsClient,
    name: string,
    create: (client: StreamsClient) => Stream,
  ): () => Promise<Stream>;
  callArguments(options: object, call: object): Parameters<StreamsClient['batchAppend']>;
  dispose(): Promise<void>;
  handleError(client: unknown, error: unknown): Promise<void>;
}

/** Throws when the connection string cannot be understood; connects when it is first needed. */
export function openWire(connectionString: string): Wire {
  const wire = EventStoreDBClient.connectionString(connectionString) as unknown as Wire;
  // The client would close the channel for every call that we cancel.
  wire.handleError = async () => undefined;
  return wire;
}

/** Its calls end as cancelled. */
export async function endWire(wire: Wire): Promise<void> {
  await wire.dispose();
  (await wire.getChannel()).close();
}

/** What a node says of its cluster. Rejects when it does not answer in time. */
export async function gossipOver(wire: Wire, timeoutMs: number): Promise<readonly Member[]> {
  const channelOverride = await wire.getChannel();
  const { GossipClient } = gossipGrpc;
  const client = new GossipClient('', undefined as never, { channelOverride } as object);
  const [metadata, options] = wire.callArguments({}, { deadline: Date.now() + timeoutMs });
  return new Promise((resolve, reject) => {
    client.read(new sharedPb.Empty(), metadata as Metadata, options as object, (error, info) => {
      if (error) reject(error);
      else resolve(membersIn(info));
    });
  });
}

/** Of the server. Undefined when it does not say in time. */
export async function versionOver(wire: Wire, timeoutMs: number): Promise<string | undefined> {
  const channelOverride = await wire.getChannel();
  const { ServerFeaturesClient } = featuresGrpc;
  const client = new ServerFeaturesClient('', undefined as never, { channelOverride } as object);
  const [metadata, options] = wire.callArguments({}, { deadline: Date.now() + timeoutMs });
  const request = new sharedPb.Empty();
  return new Promise((resolve) => {
    client.getSupportedMethods(request, metadata as Metadata, options as object, (error, told) =>
      resolve(error ? undefined : told.getEventStoreServerVersion()),
    );
  });
}

const membersIn = (info: ClusterInfo): readonly Member[] =>
  info.getMembersList().flatMap((member) => {
    const place = member.getHttpEndPoint();
    if (!place) return [];
    const leads = member.getState() === gossipPb.MemberInfo.VNodeState.LEADER;
    return {
      endpoint: { address: place.getAddress(), port: place.getPort() },
      isAlive: member.getIsAlive(),
      leads: leads && member.getIsAlive(),
    };
  });
