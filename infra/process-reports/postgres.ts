/** What processes report of their queues, for operators; and what waits as rows. */
import type { Pool } from 'pg';

export interface ProcessReport {
  readonly providers: readonly ProviderReport[];
  /** Executions that wait in the memory of the process, by model. */
  readonly waiting: readonly WaitingReport[];
}

export interface NamedReport extends ProcessReport {
  readonly instance: string;
}

export interface ProviderReport {
  readonly provider: string;
  readonly inUse: number;
  /** How many calls at once it may have there; absent in reports of older releases: all. */
  readonly slots?: number;
  readonly circuit: CircuitStatus;
  /** Absent where it takes calls. Milliseconds since the epoch. */
  readonly restsUntilMs?: number;
  /** The organization whose calls alone rest. */
  readonly restsOnlyFor?: string;
  /** Its routes that rest by themselves; absent in reports of older releases. */
  readonly routes?: readonly RouteReport[];
}

export type CircuitStatus = 'closed' | 'open' | 'half-open';

export interface RouteReport extends Pick<
  ProviderReport,
  'circuit' | 'restsUntilMs' | 'restsOnlyFor'
> {
  readonly route: string;
}

export interface WaitingReport {
  readonly model: string;
  readonly waiting: number;
  /** Milliseconds since the epoch. */
  readonly oldestSinceMs: number;
}

export interface ProcessReports {
  save(instance: string, report: ProcessReport): Promise<void>;
  /** Of the processes that have reported lately. */
  current(): Promise<readonly NamedReport[]>;
  /** Of each model, the organizations with rows; the sums stand for all of them. */
  waitingRows(organizationsMax: number): Promise<readonly WaitingRowsOfModel[]>;
}

export interface WaitingRowsOfModel extends WaitingReport {
  readonly organizations: readonly { readonly organizationId: string; readonly waiting: number }[];
}

export function openProcessReports({ pool }: { pool: Pool }): ProcessReports {
  return {
    save: async (instance, report) => {
      const values = [instance, JSON.stringify(report)];
      await pool.query({ name: 'save_process_report', text: SAVE, values });
    },
    current: async () => {
      const { rows } = await pool.query<{ instance: string; report: ProcessReport }>(CURRENT);
      return rows.map(({ instance, report }) => ({ ...report, instance }));
    },
    waitingRows: async (organizationsMax) => {
      const { rows } = await pool.query<RowsOfModel>(WAITING_ROWS, [organizationsMax]);
      return rows.map(({ model, waiting, oldest, organizations }) => ({
        model,
        waiting,
        oldestSinceMs: oldest.getTime(),
        organizations,
      }));
    },
  };
}

interface RowsOfModel {
  model: string;
  waiting: number;
  oldest: Date;
  organizations: { organizationId: string; waiting: number }[];
}

/** Deletes those of processes that are gone. */
const SAVE = `
  WITH gone AS (
    DELETE FROM processing.process_reports
    WHERE reported_at < clock_timestamp() - interval '1 hour' AND instance <> $1
  )
  INSERT INTO processing.process_reports (instance, report) VALUES ($1, $2::jsonb)
  ON CONFLICT (instance) DO UPDATE
    SET report = excluded.report, reported_at = clock_timestamp()`;

const CURRENT = `
  SELECT instance, report FROM processing.process_reports
  WHERE reported_at > clock_timestamp() - interval '20 seconds'
  ORDER BY instance`;

const WAITING_ROWS = `
  WITH of_organization AS (
    SELECT split_part(queue, ' ', 1) AS model, organization_id,
           count(*)::int AS waiting, min(since) AS oldest
    FROM processing.waiting_executions GROUP BY 1, 2
  ), ranked AS (
    SELECT *, row_number() OVER (PARTITION BY model ORDER BY waiting DESC, organization_id) AS n
    FROM of_organization
  )
  SELECT model, sum(waiting)::int AS waiting, min(oldest) AS oldest,
         coalesce(json_agg(
           json_build_object('organizationId', organization_id, 'waiting', waiting) ORDER BY n
         ) FILTER (WHERE n <= $1), '[]') AS organizations
  FROM ranked GROUP BY model ORDER BY model`;
