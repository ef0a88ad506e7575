/** What every sink of exports must do. */
import { expect } from 'chai';
import type { ExportPlan, ExportSink } from '../port.js';

export interface SinkStage {
  /** Each time another one, as another process would open it. */
  open(): Promise<ExportSink>;
  /** The ids of the events that a reader finds, sorted. */
  ids(): Promise<readonly string[]>;
  close(): Promise<void>;
}

const ORGANIZATIONS = 3;
const hex = (number: bigint | number) => number.toString(16).padStart(12, '0');

/** The same numbers give the same events, of some organizations and two hours. */
export const planOf = (first: number, last: number): ExportPlan =>
  Array.from({ length: last - first + 1 }, (_, n) => {
    const number = BigInt(first + n);
    const of = Number(number) % ORGANIZATIONS;
    const organizationId = `org_11111111-1111-4111-8111-${hex(of)}` as const;
    const executionId = `exec_22222222-2222-5222-8222-${hex(number / 4n)}`;
    const event = {
      organizationId,
      sequence: number,
      eventId: `33333333-3333-4333-8333-${hex(number)}`,
      type: 'execution.status_changed' as const,
      subject: number % 4n === 0n ? organizationId : executionId,
      at: number % 5n === 0n ? '2026-11-27T23:59:59.000Z' : '2026-11-28T00:00:01.000Z',
      data: JSON.stringify({ id: executionId, note: `ünïcode ${number}` }),
    };
    return { number, event };
  });

export const idsOf = (...plans: readonly ExportPlan[]): readonly string[] =>
  plans.flatMap((plan) => plan.map(({ event }) => `evt_${event.eventId}`)).sort();

export function exportSinkContract(name: string, openStage: () => Promise<SinkStage>): void {
  describe(`export sink contract: ${name}`, () => {
    const { signal } = new AbortController();
    const [first, second, third] = [planOf(1, 40), planOf(41, 47), planOf(48, 1_100)];
    const opened: ExportSink[] = [];
    let stage: SinkStage;
    beforeEach(async () => {
      stage = await openStage();
    });
    afterEach(async () => {
      for (const sink of opened.splice(0)) sink.close();
      await stage.close();
    });
    const open = async (): Promise<ExportSink> => {
      const sink = await stage.open();
      opened.push(sink);
      return sink;
    };

    it('has each event of plan after plan once, also large ones', async () => {
      const sink = await open();
      for (const plan of [first, second, third]) await sink.write(plan, signal);
      expect(await stage.ids()).to.deep.equal(idsOf(first, second, third));
    });

    it('has once what is written again, by the same and by another one', async () => {
      const one = await open();
      await one.write(first, signal);
      await one.write(first, signal);
      const other = await open();
      await other.write(first, signal);
      await other.write(second, signal);
      expect(await stage.ids()).to.deep.equal(idsOf(first, second));
    });

    it('has once what two write at the same time', async () => {
      const both = [await open(), await open()];
      await Promise.allSettled(both.map((sink) => sink.write(first, signal)));
      // One may have been refused; what is planned is written until it is done.
      await (await open()).write(first, signal);
      expect(await stage.ids()).to.deep.equal(idsOf(first));
    });

    it('gains nothing by one that goes on after another has taken its place', async () => {
      const late = await open();
      await late.write(first, signal);
      const next = await open();
      for (const plan of [first, second, third]) await next.write(plan, signal);
      await late.write(second, signal).catch(() => undefined);
      await late.write(second, signal).catch(() => undefined);
      expect(await stage.ids()).to.deep.equal(idsOf(first, second, third));
    });
  });
}
