/** What `make bench` may be told; the one place of the benchmarks that reads the environment. */

export interface Settings {
  /** Which cells, by id; all of them when empty. */
  readonly names: ReadonlySet<string>;
  /** How long one sample takes. */
  readonly seconds: number;
  /** How often A and B take turns. */
  readonly rounds: number;
  /** Accounts of the many-accounts side of R3. */
  readonly accounts: number;
  /** Executions of R15's burst. */
  readonly burst: number;
  /** Executions that the noisy neighbour puts; deliveries on hosts that hang are a fifth of it. */
  readonly neighbours: number;
  /** Of each of its hostile connections. */
  readonly hostileChunksPerSecond: number;
  /** N1 runs on `make cluster` with these services (MODELROUTE_CLUSTER) instead of one process. */
  readonly cluster: string | undefined;
  /** Executions after which R14 looks at the memory again; the first look is at a hundredth. */
  readonly memoryExecutions: number;
  /** Events of R16's larger export; the smaller one has a tenth. */
  readonly exportEvents: number;
  /** Events of the logs of R6, R11 and R13; the cells have numbers of their own without it. */
  readonly growthEvents: number | undefined;
  /** Copy the table into docs/performance.md. */
  readonly writeDocs: boolean;
}

type Environment = Readonly<Record<string, string | undefined>>;

export const CLIENTS = 64;

export function settingsFrom(env: Environment): Settings {
  const names = (env['NAME'] ?? '').split(',').map((name) => name.trim().toUpperCase());
  return {
    names: new Set(names.filter((name) => name !== '')),
    seconds: positive(env, 'BENCH_SECONDS', 4),
    rounds: positive(env, 'BENCH_ROUNDS', 5),
    accounts: positive(env, 'BENCH_ACCOUNTS', 10_000),
    burst: positive(env, 'BENCH_BURST', 10_000),
    neighbours: positive(env, 'BENCH_NEIGHBOURS', 100_000),
    hostileChunksPerSecond: positive(env, 'BENCH_HOSTILE_CHUNKS', 1_000),
    cluster: env['BENCH_CLUSTER'] || undefined,
    memoryExecutions: positive(env, 'BENCH_MEMORY', 1_000_000),
    exportEvents: positive(env, 'BENCH_EXPORT', 1_000_000),
    growthEvents: env['BENCH_GROWTH'] ? positive(env, 'BENCH_GROWTH', 0) : undefined,
    writeDocs: env['BENCH_DOCS'] === '1',
  };
}

function positive(env: Environment, name: string, fallback: number): number {
  const value = Number(env[name] || fallback);
  if (value > 0) return value;
  throw new Error(`${name} is '${env[name]}': use a number above 0.`);
}
