import { expect } from 'chai';
import { isSse, sseEventsOf } from './sse.js';

describe('server-sent events', () => {
  it('are read with names, joined lines, comments and any end of line', () => {
    const body =
      '\ufeff: hello\r\nevent: start\r\ndata: {"a":\r\ndata:1}\r\n\r\n' +
      'data: two\n\nid: 7\n\ndata:  x\r\r';
    expect(sseEventsOf(body)).to.deep.equal([
      { event: 'start', data: '{"a":\n1}' },
      { event: 'message', data: 'two' },
      { event: 'message', data: ' x' },
    ]);
  });

  it('are read to the last one, also where no blank line ends it', () => {
    expect(sseEventsOf('data: 1\n\ndata: [DONE]')).to.deep.equal([
      { event: 'message', data: '1' },
      { event: 'message', data: '[DONE]' },
    ]);
    expect(sseEventsOf('')).to.deep.equal([]);
    expect(sseEventsOf('data')).to.deep.equal([{ event: 'message', data: '' }]);
  });

  it('are known by their media type, or by how they begin', () => {
    expect(isSse('text/event-stream; charset=utf-8', ': ping')).to.equal(true);
    expect(isSse('application/json', '\n\ndata: {}')).to.equal(true);
    expect(isSse('text/plain', ': ping\n\n')).to.equal(true);
    expect(isSse('application/json', '{"data": 1}')).to.equal(false);
    expect(isSse(undefined, 'database: x')).to.equal(false);
  });
});
