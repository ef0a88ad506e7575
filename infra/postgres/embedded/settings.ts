import { randomBytes } from 'node:crypto';
import { chmod, readdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ClusterLocation } from './cluster-location.js';

/**
 * The server's settings, written at each start; what an operator wants otherwise goes into
 * `postgres.local.conf` beside it, which is read last and never written.
 */
export async function writeSettings(location: ClusterLocation, port: number): Promise<void> {
  const path = join(location.home, settingsName);
  const draft = `${path}.${randomBytes(4).toString('hex')}`;
  const hasLocal = (await readdir(location.home)).includes(localName);
  const lines = [
    `# Written by ModelRoute at each start: put your own settings into ${localName}.`,
    ...Object.entries(settings).map(([name, value]) => `${name} = '${value}'`),
    `port = ${port}`,
    ...(hasLocal ? [`include '${localName}'`] : []),
  ];
  await writeFile(draft, `${lines.join('\n')}\n`, { flag: 'wx' });
  await chmod(draft, 0o644); // whatever the umask: the server's user must read it
  await rename(draft, path);
}

export const settingsName = 'postgres.conf';

const localName = 'postgres.local.conf';

const settings: Readonly<Record<string, string>> = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  // A process of ours takes two dozen at most, and a machine may run a dozen of them here.
  max_connections: '300',
  password_encryption: 'scram-sha-256',

  // An answer of 202 promises that the work survives a power cut.
  fsync: 'on',
  synchronous_commit: 'on',
  full_page_writes: 'on',

  // A small box: 1 GB of log bounds recovery to seconds and spreads checkpoints out. The programs
  // are built without lz4 and zstd, and pglz costs more CPU than the bytes it saves are worth here.
  // Nobody replicates from this server, so bulk loads into new tables need not be logged twice.
  shared_buffers: '128MB',
  wal_buffers: '16MB',
  max_wal_size: '1GB',
  min_wal_size: '256MB',
  checkpoint_completion_target: '0.9',
  wal_compression: 'off',
  wal_level: 'minimal',
  max_wal_senders: '0',
  max_logical_replication_workers: '0',

  // Our statements are short and planned for index look-ups on flash; compiling them never pays.
  jit: 'off',
  random_page_cost: '1.1',

  // Balances, timers and checkpoints are small tables rewritten all the time: clean up early.
  autovacuum: 'on',
  autovacuum_naptime: '15s',
  autovacuum_vacuum_scale_factor: '0.1',

  // A transaction that sits idle holds back clean-up for everybody. Ours last seconds; a process
  // that is stopped and continued must find its session alive, so this is far above any such pause.
  idle_in_transaction_session_timeout: '5min',

  // Neither statements nor the values in error details may reach a log: they may hold prompts.
  log_min_messages: 'warning',
  log_min_error_statement: 'panic',
  log_error_verbosity: 'terse',
  log_checkpoints: 'off',
  log_line_prefix: '%m [%p] ',

  timezone: 'UTC',
  log_timezone: 'UTC',
  lc_messages: 'C',
  datestyle: 'iso, ymd',
  default_text_search_config: 'pg_catalog.simple',
};
