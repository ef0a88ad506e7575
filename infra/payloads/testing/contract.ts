/** What every payload store must do. */
import { expect } from 'chai';
import { hash, randomBytes, randomUUID } from 'node:crypto';
import type { PayloadRef } from '../../../contracts/events/execution.js';
import type { Payload } from '../../event-store/port.js';
import { SMALL_PAYLOAD_BYTES_MAX, type PayloadStore } from '../port.js';

interface PayloadsHarness {
  readonly payloads: PayloadStore;
  close(): Promise<void>;
}

interface PayloadsContractOptions {
  /** The largest that this store is ever given. */
  readonly bytesMax?: number;
}

export const payloadOf = (bytes: Buffer, ref = `exec_${randomUUID()}/input/0`): Payload => ({
  ref,
  organizationId: 'org_00000000-0000-4000-8000-000000000001',
  bytes,
});

export const refOf = ({ ref, bytes }: Payload): PayloadRef => ({
  ref,
  sha256: hash('sha256', bytes, 'hex'),
  bytes: bytes.length,
});

export function payloadsContract(
  name: string,
  open: () => Promise<PayloadsHarness>,
  { bytesMax = 4 * 1024 * 1024 }: PayloadsContractOptions = {},
): void {
  describe(`payloads contract: ${name}`, () => {
    let harness: PayloadsHarness;
    beforeEach(async () => {
      harness = await open();
    });
    afterEach(() => harness.close());
    const the = () => harness.payloads;
    keepsBytes(the, bytesMax);
    keepsTheFirst(the);
    takesAnyRef(the);
  });
}

function keepsBytes(the: () => PayloadStore, bytesMax: number): void {
  const sizes = [0, 1, 800, SMALL_PAYLOAD_BYTES_MAX, SMALL_PAYLOAD_BYTES_MAX + 1, bytesMax];
  for (const size of sizes.filter((bytes) => bytes <= bytesMax)) {
    it(`answers exactly the ${size} bytes that it was given`, async () => {
      const payload = payloadOf(randomBytes(size));
      await the().put(payload);
      const answer = await the().get(refOf(payload));
      expect(answer?.equals(payload.bytes)).to.equal(true);
    });
  }

  it('answers undefined for what it was never given', async () => {
    expect(await the().get(refOf(payloadOf(randomBytes(10))))).to.equal(undefined);
  });

  it('answers undefined for what was removed, and removes it once and again', async () => {
    const payload = payloadOf(randomBytes(10));
    await the().put(payload);
    await the().remove(payload.ref);
    await the().remove(payload.ref);
    expect(await the().get(refOf(payload))).to.equal(undefined);
  });

  it('never hands out bytes that are not those of the digest', async () => {
    const payload = payloadOf(Buffer.from('what was said'));
    await the().put(payload);
    const other = refOf(payloadOf(Buffer.from('what was not'), payload.ref));
    const answer = await the()
      .get(other)
      .catch((error: unknown) => error);
    expect(Buffer.isBuffer(answer)).to.equal(false);
    expect((await the().get(refOf(payload)))?.equals(payload.bytes)).to.equal(true);
  });

  it('does not change when the caller changes its buffer afterwards', async () => {
    const bytes = Buffer.from('what was said');
    const payload = payloadOf(bytes);
    const ref = refOf(payload);
    await the().put(payload);
    bytes.fill(0);
    expect((await the().get(ref))?.toString()).to.equal('what was said');
  });
}

function keepsTheFirst(the: () => PayloadStore): void {
  it('keeps the first bytes when a ref is put again', async () => {
    const first = payloadOf(Buffer.from('first'));
    await the().put(first);
    await the().put(first);
    await the().put(payloadOf(Buffer.from('other'), first.ref));
    expect((await the().get(refOf(first)))?.toString()).to.equal('first');
  });

  it('keeps one when the same is put many times at once', async () => {
    const payload = payloadOf(randomBytes(2_000));
    await Promise.all(Array.from({ length: 20 }, () => the().put(payload)));
    expect((await the().get(refOf(payload)))?.equals(payload.bytes)).to.equal(true);
  });
}

function takesAnyRef(the: () => PayloadStore): void {
  it('takes refs for names and never for paths', async () => {
    const refs = ['../../../tmp/x', '/etc/passwd', 'a/../b', 'b', '.', '..', 'A', 'a', 'ä/ö ?*:|'];
    const payloads = refs.map((ref) => payloadOf(Buffer.from(`of ${ref}`), ref));
    for (const payload of payloads) await the().put(payload);
    for (const payload of payloads) {
      expect((await the().get(refOf(payload)))?.toString()).to.equal(`of ${payload.ref}`);
    }
  });
}
