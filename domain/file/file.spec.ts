import { expect } from 'chai';
import fc from 'fast-check';
import { specFor } from '../testing/given-when-then.js';
import * as File from './file.js';
import { foldFile } from './view.js';

const { given } = specFor(File);
const at = '2026-01-01T00:00:00.000Z';
const hourLater = '2026-01-01T01:00:00.000Z';
const thirtyDaysLater = '2026-01-31T00:00:00.000Z';
const [fileId, organizationId, apiKeyId] = ['file_1', 'org_1', 'key_1'] as const;
const fact = { fileId, organizationId, at } as const;
const [sizeBytes, sha256] = [5, 'ab'.repeat(32)];
const content = { contentType: 'image/png', format: 'png', sizeBytes, sha256, width: 2, height: 3 };

const asked = {
  ...fact,
  apiKeyId,
  purpose: 'INPUT',
  ttlDays: 30,
  uploadExpiresAt: hourLater,
} as const;
const requested: File.Event = { type: 'FileUploadRequested', data: asked };
const uploaded: File.Event = { type: 'FileUploaded', data: { ...fact, sizeBytes, sha256 } };
const confirmed: File.Event = {
  type: 'FileConfirmed',
  data: { ...fact, ...content, purpose: 'INPUT', expiresAt: thirtyDaysLater },
};
const output: File.Event = {
  type: 'FileStored',
  data: { ...fact, ...content, executionId: 'exec_1', purpose: 'OUTPUT' },
};
const deleted: File.Event = { type: 'FileDeleted', data: { ...fact, sizeBytes } };
const expired: File.Event = { type: 'FileExpired', data: { ...fact, sizeBytes } };
const removed: File.Event = { type: 'FileRemoved', data: fact };

const request: File.Command = { type: 'RequestUpload', ...asked };
const record: File.Command = { type: 'RecordUpload', sizeBytes, sha256, at };
const confirm: File.Command = { type: 'Confirm', content, at };
const remove: File.Command = { type: 'Delete', at };
const expireAt = (moment: string): File.Command => ({ type: 'Expire', at: moment });
const recordRemoval: File.Command = { type: 'RecordRemoval', at };
const readers = [{ actor: 'key_1', ip: '::1', times: 2 }];
const downloads: File.Command = { type: 'RecordDownloads', readers, since: at, at };

describe('file', () => {
  it('is uploaded and confirmed once each', () => {
    given().when(request).then(requested);
    given(requested).when(request).thenRejected('FileExists');
    given(requested).when(record).then(uploaded);
    given(requested, uploaded).when(record).thenAlreadyDone();
    given(requested, uploaded)
      .when({ ...record, sha256: 'other' })
      .thenRejected('UploadUsed');
    given(requested, uploaded).when(confirm).then(confirmed);
    given(requested, uploaded, confirmed).when(confirm).thenAlreadyDone();
    given(requested, uploaded, confirmed).when(record).thenAlreadyDone();
    given(requested, uploaded, confirmed)
      .when({ ...record, sha256: 'other' })
      .thenRejected('UploadUsed');
  });

  it('is confirmed with bytes that came before a crash', () => {
    given(requested).when(confirm).then(uploaded, confirmed);
  });

  it('is confirmed with the bytes that were recorded, and no others', () => {
    const others = { ...content, sha256: 'cd'.repeat(32) };
    given(requested, uploaded)
      .when({ ...confirm, content: others })
      .thenRejected('NotUploaded');
  });

  it('takes nothing at its URL once that was used, or is over', () => {
    const refusalOf = (events: readonly File.Event[], moment = at) =>
      File.uploadRefusal(events.reduce(File.evolve, File.initial()), moment);
    expect(refusalOf([requested])).to.equal(undefined);
    expect(refusalOf([requested], hourLater)).to.equal('UploadExpired');
    expect(refusalOf([requested, uploaded])).to.equal('UploadUsed');
    expect(refusalOf([requested, uploaded, confirmed])).to.equal('UploadUsed');
    expect(refusalOf([])).to.equal('FileUnknown');
    expect(refusalOf([requested, deleted])).to.equal('FileUnknown');
  });

  it('is deleted in whatever state, once', () => {
    const nothing: File.Event = { type: 'FileDeleted', data: { ...fact, sizeBytes: 0 } };
    given().when(remove).thenRejected('FileUnknown');
    given(requested).when(remove).then(nothing);
    given(requested, uploaded).when(remove).then(deleted);
    given(requested, uploaded, confirmed).when(remove).then(deleted);
    given(output).when(remove).then(deleted);
    given(output, deleted).when(remove).thenAlreadyDone();
    given(output, deleted, removed).when(remove).thenAlreadyDone();
  });

  it('expires when its time is up, and an upload at the end of its hour', () => {
    const [end, late] = [thirtyDaysLater, '2026-01-30T23:59:59.999Z'];
    const ended = (moment: string, bytes = sizeBytes): File.Event => ({
      type: 'FileExpired',
      data: { ...fact, sizeBytes: bytes, at: moment },
    });
    given(requested).when(expireAt(at)).thenRejected('FileNotExpired');
    given(requested).when(expireAt(hourLater)).then(ended(hourLater, 0));
    given(requested, uploaded).when(expireAt(hourLater)).then(ended(hourLater));
    given(requested, uploaded, confirmed).when(expireAt(late)).thenRejected('FileNotExpired');
    given(requested, uploaded, confirmed).when(expireAt(end)).then(ended(end));
    given(output).when(expireAt(end)).thenRejected('FileNotExpired');
    given(output, expired).when(expireAt(end)).thenAlreadyDone();
  });

  it('loses its bytes only once it is gone', () => {
    given(output).when(recordRemoval).thenRejected('FileNotDeleted');
    given(output, deleted).when(recordRemoval).then(removed);
    given(output, deleted, removed).when(recordRemoval).thenAlreadyDone();
    for (const gone of [deleted, removed])
      for (const command of [confirm, record, request])
        given(requested, uploaded, gone).when(command).thenRejected('FileUnknown');
  });

  it('says who read it, also just before it went', () => {
    const read: File.Event = { type: 'FileDownloaded', data: { ...fact, readers, since: at } };
    given(output).when(downloads).then(read);
    given(output, deleted).when(downloads).then(read);
    given(requested).when(downloads).thenRejected('NotUploaded');
    given(output, deleted, removed).when(downloads).thenRejected('FileUnknown');
  });

  it('never comes back, whatever is asked of it', () => {
    const commands = [request, record, confirm, remove, expireAt(hourLater), recordRemoval];
    const walk = fc.array(fc.constantFrom(...commands, downloads), { maxLength: 30 });
    fc.assert(
      fc.property(walk, (asking) => {
        let state = File.initial();
        let isGone = false;
        for (const command of asking) {
          const decision = File.decide(state, command);
          if (decision.kind === 'accepted') state = decision.events.reduce(File.evolve, state);
          if (isGone) expect(state.status).to.be.oneOf(['gone', 'removed']);
          isGone = state.status === 'gone' || state.status === 'removed';
        }
      }),
    );
  });
});

describe('a file as it is read', () => {
  const views = (...events: File.Event[]) => events.reduce(foldFile, undefined as never);

  it('is awaited, stored, gone, and nothing', () => {
    const about = { id: fileId, organizationId, createdAt: at } as const;
    const awaited = { ...about, status: 'awaited', purpose: 'INPUT', expiresAt: hourLater };
    expect(views(requested)).to.deep.equal(awaited);
    expect(views(requested, uploaded)).to.deep.equal(awaited);
    const stored = { ...about, purpose: 'INPUT', content, expiresAt: thirtyDaysLater };
    const whole = [requested, uploaded, confirmed];
    expect(views(...whole)).to.deep.equal({ ...stored, status: 'stored' });
    expect(views(...whole, deleted)).to.deep.equal({ ...stored, status: 'gone' });
    expect(views(...whole, expired)).to.deep.equal({ ...stored, status: 'gone' });
    expect(views(...whole, deleted, removed)).to.equal(undefined);
    expect(views(output)).to.deep.equal({
      ...about,
      status: 'stored',
      purpose: 'OUTPUT',
      executionId: 'exec_1',
      content,
    });
  });
});
