/** The customer's analyst: DuckDB, which is asked what docs/analyse asks. */
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { repositoryRoot } from '../../../testing/child-process.js';

export interface Analyst {
  dailyCost(folder: string): Promise<readonly DailyCost[]>;
  margin(folder: string): Promise<readonly Margin[]>;
}

/** Money in dollars; the margin may be negative. */
type Margin = Readonly<
  Record<'model' | 'provider' | 'executions' | 'charged' | 'cost' | 'margin', string>
>;

interface DailyCost {
  readonly day: string;
  readonly model: string;
  readonly executions: number;
  /** Dollars. */
  readonly cost: string;
}

const run = promisify(execFile);
const INSTALL_MS = 60_000;

const ASK = `
import json, sys, duckdb
found = duckdb.connect().execute(sys.stdin.read())
names = [column[0] for column in found.description]
print(json.dumps([dict(zip(names, map(str, row))) for row in found.fetchall()]))
`;

/** A reason instead, where it cannot be had. */
export async function openAnalyst(): Promise<Analyst | string> {
  const packages = join(cacheDir(), 'modelroute', 'python-duckdb');
  const env = { ...process.env, PYTHONPATH: packages };
  const has = () => succeeds('python3', ['-c', 'import duckdb'], env);
  const install = ['-m', 'pip', 'install', '--quiet', '--no-deps', '--target', packages, 'duckdb'];
  if (!(await has()) && !((await succeeds('python3', install, env)) && (await has())))
    return 'python3 is not here, or has not the package duckdb and cannot fetch it';
  const page = await readFile(join(repositoryRoot, 'docs/analyse/index.md'), 'utf8');
  /** The first query below a heading, over the files of a folder. */
  async function asked<Row>(heading: string, folder: string): Promise<readonly Row[]> {
    const [, below = ''] = page.split(`\n## ${heading}\n`);
    const sql = /```sql\n([^`]*)```/.exec(below)?.[1] ?? '';
    const asking = run('python3', ['-c', ASK], { env });
    asking.child.stdin?.end(sql.replace(/'(acme|all)\//, `'${folder}/`));
    return JSON.parse((await asking).stdout) as Row[];
  }
  return {
    async dailyCost(folder) {
      type Text = Readonly<Record<keyof DailyCost, string>>;
      const rows = await asked<Text>('What it cost, by day and model', folder);
      return rows.map((row) => ({ ...row, executions: Number(row.executions) }));
    },
    margin: (folder) => asked('What operators earn, by model and provider', folder),
  };
}

const cacheDir = (): string => process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache');

const succeeds = (program: string, args: readonly string[], env: NodeJS.ProcessEnv) =>
  run(program, [...args], { env, timeout: INSTALL_MS }).then(
    () => true,
    () => false,
  );
