/** Gossip.Read: who is in the cluster, as this node knows it. */
import type { sendUnaryData, ServerUnaryCall } from '@grpc/grpc-js';
import gossipPb from '@eventstore/db-client/generated/gossip_pb.js';
import sharedPb from '@eventstore/db-client/generated/shared_pb.js';

export interface Member {
  readonly port: number;
  readonly state: keyof typeof gossipPb.MemberInfo.VNodeState;
  readonly isAlive: boolean;
}

type ClusterInfo = InstanceType<typeof gossipPb.ClusterInfo>;

const TICKS_PER_MS = 10_000n;

export function readGossip(
  members: () => readonly Member[],
  _call: ServerUnaryCall<unknown, ClusterInfo>,
  callback: sendUnaryData<ClusterInfo>,
): void {
  const list = members().map(({ port, state, isAlive }) => {
    const id = `00000000-0000-4000-8000-${port.toString().padStart(12, '0')}`;
    return new gossipPb.MemberInfo()
      .setInstanceId(new sharedPb.UUID().setString(id))
      .setTimeStamp(`${BigInt(Date.now()) * TICKS_PER_MS}`)
      .setState(gossipPb.MemberInfo.VNodeState[state])
      .setIsAlive(isAlive)
      .setHttpEndPoint(new gossipPb.EndPoint().setAddress('127.0.0.1').setPort(port));
  });
  callback(null, new gossipPb.ClusterInfo().setMembersList(list));
}
