/** In pixels and milliseconds; absent for what has none, and where no header says it. */
export interface Measures {
  readonly width?: number | undefined;
  readonly height?: number | undefined;
  readonly durationMs?: number | undefined;
}
