/** `audit …`: proofs of the log, made and verified. */
import type { Command } from 'commander';
import { InvalidArgumentError, Option } from 'commander';
import { exitCodes, type Context } from '../context.js';
import type { WitnessOptions } from './witness.js';

const KEY_HELP =
  'public key of the log, or a file with some: what /.well-known/modelroute/checkpoint-key serves';

const DATABASE_HELP =
  '\nReads the database: DATABASE_URL, or that of the data folder. Needs the keys of the ' +
  'installation: MODELROUTE_MASTER_KEY and MODELROUTE_CHECKPOINT_KEY, or the files in the data ' +
  'folder.\n';

export function addAudit(program: Command, context: Context): void {
  const audit = program.command('audit').description('proofs that the log was not altered');
  audit
    .command('verify <file>')
    .description('verify an export, a receipt or a checkpoint offline, from the file and the key')
    .requiredOption('--key <keys...>', KEY_HELP)
    .option('--previous <file>', 'an earlier one, of which this one must be a continuation')
    .option('--json', 'print JSON instead of text')
    .addHelpText('after', exitCodes(true))
    .action(async (file: string, options: { key: string[]; previous?: string; json?: true }) =>
      (await import('./verify.js')).verifyAudit(context, file, options),
    );
  audit
    .command('export <organization-id>')
    .description('write everything about an organization, with proof, as lines of JSON')
    .option('--from <moment>', 'only events from this moment on')
    .option('--to <moment>', 'only events before this moment')
    .option('--since-size <events>', 'prove that a checkpoint of this size still holds', size)
    .option('--out <file>', 'where to (default: standard output)')
    .addHelpText('after', `${DATABASE_HELP}${exitCodes()}`)
    .action(
      async (
        organizationId: string,
        options: { from?: string; to?: string; sinceSize?: number; out?: string },
      ) => (await import('./export.js')).exportAudit(context, organizationId, options),
    );
  audit
    .command('disclose <execution-id>')
    .description('write a receipt that opens what only the operator knows, field by field')
    .requiredOption('--field <fields...>', 'region, provider, route, provider_cost, …')
    .option('--out <file>', 'where to (default: standard output)')
    .addHelpText('after', `${DATABASE_HELP}${exitCodes()}`)
    .action(async (executionId: string, options: { field: string[]; out?: string }) =>
      (await import('./disclose.js')).disclose(context, executionId, options),
    );
  audit
    .command('witness')
    .description('keep checkpoints of a log elsewhere, and hold each against the one before')
    .requiredOption('--url <url>', 'address of the system whose log it is')
    .requiredOption('--key <keys...>', KEY_HELP)
    .option('--file <file>', 'to which checkpoints are added, one a line')
    .option('--bucket <name>', 'in which each is an object that nobody can remove, or both')
    .option('--endpoint <url>', "where its store answers (default: Amazon's of the region)")
    .option('--region <region>', 'of the bucket', 'us-east-1')
    .option('--prefix <path>', 'what the names of objects begin with', '')
    .addOption(
      new Option('--lock <mode>', 'whether a right can end the lock of an object')
        .choices(['compliance', 'governance'])
        .default('compliance'),
    )
    .option('--retain-days <days>', 'for how long each object is locked', days)
    .option('--webhook <url>', 'which is sent each new checkpoint first')
    .option('--every <seconds>', 'go on until interrupted', seconds)
    .addHelpText('after', `\nKeys of the bucket are those of the AWS SDK.\n${exitCodes(true)}`)
    .action(async (options: WitnessOptions) =>
      (await import('./witness.js')).witness(context, options),
    );
}

function seconds(text: string): number {
  if (/^[1-9]\d{0,5}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('It is no number of seconds.');
}

function days(text: string): number {
  if (/^[1-9]\d{0,4}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('It is no number of days.');
}

function size(text: string): number {
  if (/^\d{1,15}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('It is no number of events.');
}
