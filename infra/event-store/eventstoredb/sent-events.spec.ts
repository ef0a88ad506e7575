import { expect } from 'chai';
import type { EncodedEvent, LogRow } from '../codec.js';
import type { EncodedAppend } from '../unit.js';
import { openSentEvents } from './sent-events.js';

const STREAM = 'execution-e';

const encoded = (id: string, data = '{"a":1}'): EncodedEvent => ({
  id,
  type: 'ExecutionCompleted',
  data,
  metadata: '{}',
  appended: { id } as never,
});

const rowOf = ({ id, type, data, metadata }: EncodedEvent): LogRow => ({
  position: 7n,
  stream: STREAM,
  revision: 0,
  id,
  type,
  data,
  metadata,
});

describe('events that this process sent', () => {
  const append = (...events: EncodedEvent[]): EncodedAppend => ({
    stream: STREAM,
    expectedRevision: -1,
    events,
  });

  it('are recognised once, when the log says what was sent', () => {
    const sent = openSentEvents();
    const event = encoded('e1');
    sent.add(append(event));
    const { appended } = event;
    expect(sent.recognised(rowOf(event))).to.deep.equal({ ...rowOf(event), appended });
    expect(sent.recognised(rowOf(event))).to.deep.equal(rowOf(event));
  });

  it('are not when the log says anything else, or another process sent them', () => {
    const sent = openSentEvents();
    sent.add(append(encoded('e1')));
    for (const row of [rowOf(encoded('e1', '{"a":2}')), rowOf(encoded('e2'))])
      expect(sent.recognised(row)).to.equal(row);
  });

  it('are forgotten, the oldest first, when nothing brings them', () => {
    const sent = openSentEvents();
    const isKnown = (id: string) => sent.recognised(rowOf(encoded(id))).appended !== undefined;
    for (let n = 0; n < 4_097; n++) sent.add(append(encoded(`e${n}`)));
    expect([isKnown('e0'), isKnown('e1'), isKnown('e4096')]).to.deep.equal([false, true, true]);
    const large = encoded('large', 'x'.repeat(9 * 1024 * 1024));
    sent.add(append(encoded('small'), large));
    expect([isKnown('small'), sent.recognised(rowOf(large)).appended]).to.deep.equal([
      false,
      undefined,
    ]);
  });
});
