/** The order of a log that is imported into an event store which fails meanwhile. */
import { expect } from 'chai';
import { openStory, tellTold } from '../../audit/testing/story.js';
import { START } from '../../infra/event-store/port.js';
import { StartError } from '../../infra/start-error.js';
import { temporaryFolder, type TemporaryFolder } from '../../testing/folders.js';
import { openInstallation, type Installation } from './testing/installation.js';

const SEGMENT_EVENTS = 1_000;

describe('log transfer, the order of the log', function () {
  this.timeout(60_000);
  let folder: TemporaryFolder;
  let source: Installation;
  let target: Installation;

  const idsIn = async ({ database }: Installation) =>
    (await database.store.readAll(START, 10_000)).events.map(({ id }) => id);

  before(async () => {
    folder = await temporaryFolder();
    source = await openInstallation('postgres');
    const story = openStory();
    story.deposit(1_000_000_000n);
    while (story.events.length < 3_500) tellTold(story);
    await source.tellFast(story);
    await source.exportTo(folder.dir, { segmentEvents: SEGMENT_EVENTS });
  });
  beforeEach(async () => {
    target = await openInstallation('eventstoredb', source);
  });
  afterEach(() => target.close());
  after(async () => {
    await source?.close();
    await folder?.remove();
  });

  it('is kept when the event store is killed twice in the middle', async () => {
    let restarts = 0;
    let restarting = Promise.resolve();
    const { outcome, appended } = await target.importFrom(folder.dir, {
      stage: true,
      say: (line) => {
        if (!/^[13]000 of/.test(line)) return;
        restarting = restarting.then(() => target.double.restart());
        restarts++;
      },
    });
    await restarting;
    expect([outcome, appended, restarts]).to.deep.equal(['staged', 3_501, 2]);
    expect(await idsIn(target)).to.deep.equal(await idsIn(source));
  });

  it('is lost by a store that refuses one of many: the import stops and says where', async () => {
    await target.double.behave({ busy: 1 });
    const error: unknown = await target
      .importFrom(folder.dir, { stage: true })
      .catch((reason: unknown) => reason);
    expect(error).to.be.instanceOf(StartError);
    expect((error as Error).message).to.match(
      /^The target has revision 0 of \S+ at position \d+, where revision 0 of account-/,
    );
    expect((error as Error).message).to.match(/Import into an empty event store\.$/);
  });
});
