/** What came of a timer that was due. */
export interface Fired {
  /** A word for what was done. */
  readonly outcome: string;
  /** Absent where the timer's row goes, or is to be tried again with the usual pauses. */
  readonly againInMs?: number;
}
