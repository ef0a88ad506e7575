/**
 * Settings of our own connections. Every statement of ours looks up by an index whatever its
 * parameters are, and a plan made while a table was small must stay right as it grows.
 */
const PLANS =
  '-c jit=off -c enable_seqscan=off -c enable_bitmapscan=off ' +
  '-c enable_hashjoin=off -c enable_mergejoin=off -c plan_cache_mode=force_generic_plan ' +
  '-c default_transaction_isolation=read\\ committed';

/** What is written is durable when it is answered, whatever the server's default is. */
export const WRITE_SETTINGS = `${PLANS} -c synchronous_commit=on`;

export const READ_SETTINGS = `${PLANS} -c default_transaction_read_only=on`;

/**
 * Servers that can (from 17 on) end a transaction of ours that outlives any statement, as when this
 * machine vanishes between the parts of a message.
 */
export const limitTransactionsSql = `
  SELECT set_config(name, '5s', false) FROM pg_settings WHERE name = 'transaction_timeout'`;
