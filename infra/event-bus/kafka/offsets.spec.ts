import { expect } from 'chai';
import type { EventNotification } from '../port.js';
import { openOffsets } from './offsets.js';

const notification = (position: bigint): EventNotification => ({
  stream: 'execution-one',
  revision: 0,
  type: 'ExecutionExpired',
  position,
});
const at = (offset: bigint, partition = 0) => ({ topic: 't', partition, offset, note: '' });
const end = (high: bigint, partition = 0) => ({ topic: 't', partition, low: 0n, high });

describe('the offsets of a member', () => {
  it('commits an offset, with its position, once all messages below it are processed', () => {
    const offsets = openOffsets();
    offsets.assign({ t: [0] });
    const done = [10n, 11n, 12n].map((offset) =>
      offsets.take(at(offset), notification(offset * 100n)),
    );
    expect(offsets.due()).to.deep.equal([]);
    done[1]?.();
    expect(offsets.due()).to.deep.equal([]);
    done[0]?.();
    expect(offsets.due()).to.deep.equal([{ ...at(12n), note: '1100' }]);
    offsets.committed(offsets.due());
    expect(offsets.due()).to.deep.equal([]);
    done[2]?.();
    expect(offsets.due()).to.deep.equal([{ ...at(13n), note: '1200' }]);
  });

  it('passes over messages that the group does not need', () => {
    const offsets = openOffsets();
    offsets.assign({ t: [0] });
    const done = offsets.take(at(0n), notification(5n));
    offsets.pass(at(1n));
    offsets.pass(at(2n));
    expect(offsets.due()).to.deep.equal([]);
    done();
    expect(offsets.due()).to.deep.equal([{ ...at(3n), note: '5' }]);
  });

  it('begins anew where a partition comes again from below', () => {
    const offsets = openOffsets();
    offsets.assign({ t: [0] });
    const before = offsets.take(at(7n), notification(70n));
    const again = offsets.take(at(0n), notification(80n));
    before();
    expect(offsets.due()).to.deep.equal([]);
    again();
    expect(offsets.due()).to.deep.equal([{ ...at(1n), note: '80' }]);
  });

  it('drops what it took when the partitions are assigned again', () => {
    const offsets = openOffsets();
    offsets.assign({ t: [0, 1] });
    const done = offsets.take(at(0n), notification(5n));
    offsets.assign({ t: [1] });
    done();
    expect(offsets.due()).to.deep.equal([]);
  });

  it('counts what is not processed, and sees new messages, of its own partitions', () => {
    const offsets = openOffsets();
    const ends = [end(10n, 0), end(20n, 1), end(30n, 2)];
    expect(offsets.isBehind(ends)).to.equal(true);
    offsets.assign({ t: [0, 1] });
    expect([offsets.isBegun, offsets.isBehind(ends)]).to.deep.equal([false, false]);
    offsets.begin([at(10n, 0), at(-1n, 1), at(0n, 2)], ends);
    expect([offsets.isBegun, offsets.isBehind(ends)]).to.deep.equal([true, true]);
    expect(offsets.lag(ends)).to.equal(20);
    const done = offsets.take(at(18n, 1), notification(5n));
    offsets.pass(at(19n, 1));
    expect([offsets.lag(ends), offsets.isBehind(ends)]).to.deep.equal([20, false]);
    done();
    expect(offsets.lag(ends)).to.equal(0);
    expect(offsets.isBehind([end(3n, 0), end(20n, 1)])).to.equal(true);
  });
});
