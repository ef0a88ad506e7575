import { expect } from 'chai';
import type { StreamName } from '../../contracts/streams.js';
import type { LogRow } from '../../infra/event-store/codec.js';
import { StoreUnavailable, type AppendOutcome } from '../../infra/event-store/port.js';
import type { RawLog } from '../../infra/event-store/raw-log.js';
import type { EncodedAppend } from '../../infra/event-store/unit.js';
import { StartError } from '../../infra/start-error.js';
import { openLanding } from './land-in-order.js';

const never = new AbortController().signal;

const row = (name: string, revision = 0): LogRow => ({
  position: 0n,
  stream: `account-${name}` as StreamName,
  revision,
  id: `${name}${revision}`,
  type: 'FundsDeposited',
  data: '{}',
  metadata: '{}',
});

/** What a store does with one call of `append`; its outcomes are those of the runs that landed. */
type Behaviour = (runs: readonly EncodedAppend[], land: (run: EncodedAppend) => bigint) => unknown;

const lands: Behaviour = (runs, land) => runs.forEach(land);
const lost = () => {
  throw new StoreUnavailable('silent');
};

/** A log that behaves as told, call by call, and well afterwards. */
function openLog(...behaviours: Behaviour[]) {
  const there: LogRow[] = [];
  const calls: string[][] = [];
  let position = 0n;
  const log: RawLog = {
    page: (after, limit) => {
      const rows = there.filter((one) => one.position > after).slice(0, limit);
      return Promise.resolve({ rows, position: rows.at(-1)?.position ?? after, caughtUp: true });
    },
    newest: (limit) => Promise.resolve(there.slice(-limit)),
    place: () => Promise.resolve('event'),
    append: async (runs) => {
      calls.push(runs.map(({ events }) => events.map(({ id }) => id).join('+')));
      const outcomes = new Map<EncodedAppend, AppendOutcome>();
      const land = (run: EncodedAppend) => {
        const { stream, expectedRevision, events } = run;
        let revision = expectedRevision;
        for (const { id } of events) {
          const known = there.find((one) => one.id === id);
          if (known) revision = known.revision;
          else there.push({ ...row('x'), stream, id, revision: ++revision, position: ++position });
        }
        outcomes.set(run, { status: 'appended', revision, position });
        return position;
      };
      await (behaviours.shift() ?? lands)(runs, land);
      return runs.map((run) => outcomes.get(run) ?? { status: 'conflict', actualRevision: 9 });
    },
  };
  return { log, calls, idsThere: () => there.map(({ id }) => id) };
}

const refusal = async (work: Promise<unknown>): Promise<string> => {
  const error: unknown = await work.catch((reason: unknown) => reason);
  expect(error).to.be.instanceOf(StartError);
  return (error as Error).message;
};

const rows = [row('a'), row('a', 1), row('b'), row('c'), row('a', 2)];
const ids = rows.map(({ id }) => id);

describe('landing in order', () => {
  it('sends neighbours of one stream together', async () => {
    const { log, calls, idsThere } = openLog();
    const landing = openLanding(log, never);
    await landing.land(rows);
    expect(calls).to.deep.equal([['a0+a1', 'b0', 'c0', 'a2']]);
    expect([idsThere(), landing.position]).to.deep.equal([ids, 5n]);
  });

  it('after an outage sends what the log lacks, and nothing when all is there', async () => {
    const { log, calls, idsThere } = openLog(
      ([first], land) => (first && land(first), lost()),
      (runs, land) => (runs.forEach(land), lost()),
    );
    const landing = openLanding(log, never);
    await landing.land(rows);
    expect(calls).to.deep.equal([
      ['a0+a1', 'b0', 'c0', 'a2'],
      ['b0', 'c0', 'a2'],
    ]);
    expect([idsThere(), landing.position]).to.deep.equal([ids, 5n]);
  });

  it('goes on behind a run that was refused once', async () => {
    const { log, idsThere } = openLog(([first, second], land) => {
      if (first && second) [first, second].forEach(land);
    });
    await openLanding(log, never).land(rows);
    expect(idsThere()).to.deep.equal(ids);
  });

  it('stops where a later one landed before an earlier one, and says where', async () => {
    const { log } = openLog((runs, land) => (runs.slice(1).forEach(land), lost()));
    expect(await refusal(openLanding(log, never).land(rows))).to.match(
      /^The target has revision 0 of account-b at position 1, where revision 0 of account-a /,
    );
  });

  it('stops where positions do not ascend, and says where', async () => {
    const { log } = openLog((runs, land) => runs.toReversed().forEach(land));
    expect(await refusal(openLanding(log, never).land(rows))).to.match(
      /^The target put revision 0 of account-b at position 3, and what belongs before it at 5/,
    );
  });

  it('stops where somebody else writes', async () => {
    const { log } = openLog(...Array<Behaviour>(2).fill(() => undefined));
    expect(await refusal(openLanding(log, never).land(rows))).to.match(
      /^account-a is at revision 9 in the target, and the export goes on behind revision -1/,
    );
  });

  it('stops where the log goes on behind what was sent', async () => {
    const stranger: EncodedAppend = {
      stream: 'account-z',
      expectedRevision: -1,
      events: [{ id: 'z0', type: 'FundsDeposited', data: '{}', metadata: '{}' }],
    };
    const { log } = openLog((runs, land) => (runs.forEach(land), land(stranger), lost()));
    expect(await refusal(openLanding(log, never).land(rows))).to.match(
      /goes on behind the export, with revision 0 of account-z/,
    );
  });
});
