/** Gossip.Read: what a node says of its cluster. Alone, it leads a cluster of one. */
import { randomUUID } from 'node:crypto';
import type { sendUnaryData, ServerUnaryCall } from '@grpc/grpc-js';
import gossipPb, { type ClusterInfo } from '@eventstore/db-client/generated/gossip_pb.js';
import sharedPb from '@eventstore/db-client/generated/shared_pb.js';
import type { Knobs } from './behaviour.js';

export function readGossip(
  knobs: Knobs,
  port: () => number,
  _call: ServerUnaryCall<unknown, ClusterInfo>,
  callback: sendUnaryData<ClusterInfo>,
): void {
  const { ports, leader } = knobs.now.cluster;
  const [members, leads] = ports.length > 0 ? [ports, leader] : [[port()], port()];
  const info = new gossipPb.ClusterInfo();
  info.setMembersList(members.map((one) => memberOf(one, one === leads)));
  callback(null, info);
}

function memberOf(port: number, leads: boolean) {
  const { LEADER, FOLLOWER } = gossipPb.MemberInfo.VNodeState;
  return new gossipPb.MemberInfo()
    .setInstanceId(new sharedPb.UUID().setString(randomUUID()))
    .setTimeStamp(String(Date.now()))
    .setState(leads ? LEADER : FOLLOWER)
    .setIsAlive(true)
    .setHttpEndPoint(new gossipPb.EndPoint().setAddress('127.0.0.1').setPort(port));
}
