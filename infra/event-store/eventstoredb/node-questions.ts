/** What one node is asked about itself and its cluster. */
import gossipPb, { type ClusterInfo } from '@eventstore/db-client/generated/gossip_pb.js';
import featuresPb from '@eventstore/db-client/generated/serverfeatures_pb.js';
import { CallError } from './call-error.js';
import type { Member } from './leader.js';
import type { Wire } from './wire.js';

/** What a node says of its cluster. Rejects when it does not answer in time. */
export async function gossipOver(wire: Wire, timeoutMs: number): Promise<readonly Member[]> {
  const path = '/event_store.client.gossip.Gossip/Read';
  const decode = (message: Buffer) => gossipPb.ClusterInfo.deserializeBinary(message);
  return membersIn(await ask(wire, path, decode, timeoutMs));
}

/** Of the server. Undefined when it does not say in time. */
export async function versionOver(wire: Wire, timeoutMs: number): Promise<string | undefined> {
  const path = '/event_store.client.server_features.ServerFeatures/GetSupportedMethods';
  const decode = (message: Buffer) => featuresPb.SupportedMethods.deserializeBinary(message);
  const told = await ask(wire, path, decode, timeoutMs).catch(() => undefined);
  return told?.getEventStoreServerVersion();
}

/** Of the protocol: a message without fields. */
const NOTHING = Buffer.alloc(0);

/** One question without a word, one answer. */
function ask<T>(
  wire: Wire,
  path: string,
  decode: (message: Buffer) => T,
  timeoutMs: number,
): Promise<T> {
  return new Promise((resolve, reject) => {
    const call = wire.call(path, {
      decode,
      message: resolve,
      ended(error) {
        clearTimeout(late);
        reject(error ?? new CallError('INTERNAL', 'the call ended without an answer'));
      },
    });
    const tooLate = new CallError('DEADLINE_EXCEEDED', 'it did not answer in time');
    const late = setTimeout(() => call.fail(tooLate), timeoutMs);
    call.write(NOTHING);
    call.end();
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
