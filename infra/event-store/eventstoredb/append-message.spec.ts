import streamsPb from '@eventstore/db-client/generated/streams_pb.js';
import { expect } from 'chai';
import type { EncodedEvent } from '../codec.js';
import { NO_STREAM } from '../port.js';
import type { EncodedAppend } from '../unit.js';
import { appendMessage, countedBytes } from './append-message.js';

const CORRELATION = '00000000-0000-4000-8000-000000000001';
const AT_MS = 1_800_000_000_000;

const event = (id: string, data: string): EncodedEvent => ({
  id,
  type: 'OrganizationCreated',
  data,
  metadata: '{"actor":"é"}',
});
const events = [
  event('6f1c1d0e-0000-4000-8000-000000000001', '{"name":"😀"}'),
  event('6f1c1d0e-0000-4000-8000-000000000002', `{"name":"${'ü'.repeat(9_000)}"}`),
];
const append = (expectedRevision: number): EncodedAppend => ({
  stream: 'organization-österreich',
  expectedRevision,
  events,
});

const read = (message: Buffer) =>
  streamsPb.BatchAppendReq.deserializeBinary(Uint8Array.from(message));

describe('an append as a message', () => {
  it('is read by the shipped protocol as it was meant', () => {
    const request = read(appendMessage(CORRELATION, append(300), AT_MS));
    const options = request.getOptions();
    expect(request.getCorrelationId()?.getString()).to.equal(CORRELATION);
    expect(request.getIsFinal()).to.equal(true);
    expect(
      Buffer.from(options?.getStreamIdentifier()?.getStreamName_asU8() ?? []).toString(),
    ).to.equal('organization-österreich');
    expect(options?.getStreamPosition()).to.equal('300');
    const deadline = options?.getDeadline()?.toObject();
    expect(deadline).to.deep.equal({ seconds: AT_MS / 1000, nanos: 0 });
    const told = request.getProposedMessagesList().map((message) => ({
      id: message.getId()?.getString(),
      type: message.getMetadataMap().get('type'),
      contentType: message.getMetadataMap().get('content-type'),
      data: Buffer.from(message.getData_asU8()).toString(),
      metadata: Buffer.from(message.getCustomMetadata_asU8()).toString(),
    }));
    expect(told).to.deep.equal(
      events.map(({ id, type, data, metadata }) => ({
        id,
        type,
        contentType: 'application/json',
        data,
        metadata,
      })),
    );
  });

  it('expects no stream where there is none', () => {
    const options = read(appendMessage(CORRELATION, append(NO_STREAM), AT_MS)).getOptions();
    expect([options?.hasNoStream(), options?.hasStreamPosition()]).to.deep.equal([true, false]);
  });

  it('is counted in bytes, not in characters', () => {
    const bytes = events.map(({ data, metadata, type }) => [
      Buffer.byteLength(data),
      Buffer.byteLength(metadata),
      2 * type.length,
    ]);
    const sum = bytes.flat().reduce((all, one) => all + one);
    expect(countedBytes(append(NO_STREAM))).to.equal(sum);
    expect(sum).to.be.greaterThan(18_000);
  });
});
