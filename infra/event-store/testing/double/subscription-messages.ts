/** What a subscription says beside its events. */
import { randomUUID } from 'node:crypto';
import streamsPb from '@eventstore/db-client/generated/streams_pb.js';

export const CAUGHT_UP = encoded((answer) => answer.setCaughtUp(new streamsPb.ReadResp.CaughtUp()));

export const confirmation = (): Buffer =>
  encoded((answer) => {
    const confirmed = new streamsPb.ReadResp.SubscriptionConfirmation();
    answer.setConfirmation(confirmed.setSubscriptionId(randomUUID()));
  });

export const checkpointAt = (position: number): Buffer =>
  encoded((answer) => {
    const on = BigInt.asUintN(64, BigInt(position)).toString();
    const reached = new streamsPb.ReadResp.Checkpoint();
    answer.setCheckpoint(reached.setCommitPosition(on).setPreparePosition(on));
  });

function encoded(fill: (answer: InstanceType<typeof streamsPb.ReadResp>) => void): Buffer {
  const answer = new streamsPb.ReadResp();
  fill(answer);
  return Buffer.from(answer.serializeBinary());
}
