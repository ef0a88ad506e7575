/** Whether an error is of the moment, so that the same again may succeed. */
import pg from 'pg';
import { isOutage } from '../../infra/event-store/outage.js';
import { failureOf } from '../../infra/event-store/postgres/failures.js';

/**
 * What PostgreSQL refuses about the rows themselves is none: that event will be refused again, and
 * so will one whose row is there already. A handler that throws is none either.
 */
export function mayPass(error: unknown): boolean {
  if (isOutage(error)) return true;
  if (error instanceof HandlerFailed) return false;
  if (error instanceof pg.DatabaseError && error.code === UNIQUE_VIOLATION) return false;
  return failureOf(error) !== 'refused';
}

const UNIQUE_VIOLATION = '23505';

/** Wraps the error of a handler, to distinguish it from that of a lost connection. */
export class HandlerFailed extends Error {
  constructor(cause: unknown) {
    super(cause instanceof Error ? cause.message : String(cause), { cause });
    this.name = 'HandlerFailed';
  }
}
