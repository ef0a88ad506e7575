import sharedPb from '@eventstore/db-client/generated/shared_pb.js';
import streamsPb from '@eventstore/db-client/generated/streams_pb.js';
import { expect } from 'chai';
import { eventIn } from './event-message.js';

const { ReadResp } = streamsPb;
const uuid = '6f1c1d0e-0000-4000-8000-000000000001';
const bytes = (text: string) => Uint8Array.from(Buffer.from(text));

function recorded(position: string, revision = '70000') {
  const event = new ReadResp.ReadEvent.RecordedEvent();
  const stream = new sharedPb.StreamIdentifier().setStreamName(bytes('account-österreich'));
  event.setId(new sharedPb.UUID().setString(uuid)).setStreamIdentifier(stream);
  event.setStreamRevision(revision).setPreparePosition('1').setCommitPosition(position);
  event.getMetadataMap().set('content-type', 'application/json').set('created', '17');
  event.getMetadataMap().set('type', 'FundsDeposited');
  event.setCustomMetadata(bytes('{"actor":"é"}')).setData(bytes('{"text":"😀"}'));
  return event;
}

const message = (fill: (answer: InstanceType<typeof ReadResp>) => void): Buffer => {
  const answer = new ReadResp();
  fill(answer);
  return Buffer.from(answer.serializeBinary());
};

describe('a recorded event as a message', () => {
  it('is read as the shipped protocol wrote it', () => {
    const read = new ReadResp.ReadEvent().setEvent(recorded('9000000000000001'));
    read.setCommitPosition('9000000000000001');
    expect(eventIn(message((answer) => answer.setEvent(read)))).to.deep.equal({
      position: 9_000_000_000_000_001n,
      stream: 'account-österreich',
      revision: 70_000,
      id: uuid,
      type: 'FundsDeposited',
      data: '{"text":"😀"}',
      metadata: '{"actor":"é"}',
    });
  });

  it('is the first of its stream, and of the log, when the message leaves their zeros out', () => {
    const read = new ReadResp.ReadEvent().setEvent(recorded('0', '0'));
    const { position, revision } = eventIn(message((answer) => answer.setEvent(read))) ?? {};
    expect({ position, revision }).to.deep.equal({ position: 0n, revision: 0 });
  });

  it('is none when the message is about something else', () => {
    const others = [
      message((answer) => answer.setCaughtUp(new ReadResp.CaughtUp())),
      message((answer) => answer.setCheckpoint(new ReadResp.Checkpoint().setCommitPosition('7'))),
      message((answer) => answer.setEvent(new ReadResp.ReadEvent())),
    ];
    expect(others.map((other) => eventIn(other))).to.deep.equal([undefined, undefined, undefined]);
  });
});
