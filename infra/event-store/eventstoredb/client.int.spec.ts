/** What a call says about itself, as a server sees it. */
import { Server, ServerCredentials, type ServerWritableStream } from '@grpc/grpc-js';
import streamsGrpc from '@eventstore/db-client/generated/streams_grpc_pb.js';
import type { ReadReq, ReadResp } from '@eventstore/db-client/generated/streams_pb.js';
import { expect } from 'chai';
import { connectLog } from './client.js';

const silent = () => undefined;

describe('the client of EventStoreDB', () => {
  it('reads and follows only where the leader answers: a follower may lag behind', async () => {
    const heard: unknown[] = [];
    const server = new Server();
    const read = (call: ServerWritableStream<ReadReq, ReadResp>) => {
      heard.push(...call.metadata.get('requires-leader'));
      call.end();
    };
    const { read: path } = streamsGrpc.StreamsService;
    server.addService({ read: path }, { read });
    const port = await new Promise<number>((resolve, reject) =>
      server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
        error ? reject(error) : resolve(bound),
      ),
    );
    const client = connectLog(`esdb://127.0.0.1:${port}?tls=false`);
    const told = { row: silent, checkpoint: silent, caughtUp: silent };
    const range = { stream: 'account-a', from: 0, backward: false, limit: 1 } as const;
    await client.readStream(range, silent).ended;
    await client.readLog({ from: 'end', limit: 1, filter: {} }, silent).ended;
    await client.follow(-1n, {}, told).ended;
    expect(heard).to.deep.equal(['true', 'true', 'true']);
    await client.close();
    server.forceShutdown();
  });
});
