import streamsPb from '@eventstore/db-client/generated/streams_pb.js';
import { expect } from 'chai';
import { streamRequest } from './stream-request.js';

describe('a question about a stream', () => {
  for (const from of [0, 1, 300, 'end'] as const)
    for (const backward of [true, false])
      for (const limit of [1, 200, undefined])
        it(`from ${from} ${backward ? 'backward' : 'forward'}, ${limit ?? 'all'} events`, () => {
          const stream = `execution-${'ä'.repeat(limit ?? 1)}` as const;
          const request = streamRequest({ stream, from, backward, limit });
          const options = streamsPb.ReadReq.deserializeBinary(request).getOptions();
          const asked = options?.getStream();
          const name = asked?.getStreamIdentifier()?.getStreamName_asU8() ?? [];
          expect(Buffer.from(name).toString()).to.equal(stream);
          expect(asked?.hasEnd() ? 'end' : Number(asked?.getRevision())).to.equal(from);
          expect(asked?.hasStart()).to.equal(false);
          expect(options?.getReadDirection()).to.equal(backward ? 1 : 0);
          expect(options?.getResolveLinks()).to.equal(false);
          expect(Number(options?.getCount())).to.equal(limit ?? Number.MAX_SAFE_INTEGER);
          expect([options?.hasNoFilter(), options?.hasFilter()]).to.deep.equal([true, false]);
          expect(options?.getUuidOption()?.hasString()).to.equal(true);
        });
});
