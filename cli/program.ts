/** The commands there are. Each loads what it runs only when it is given. */
import { Command, InvalidArgumentError } from 'commander';
import { PERMISSIONS } from '../contracts/events/api-key.js';
import { addAudit } from './audit/commands.js';
import { addCatalogue } from './catalogue/commands.js';
import type { SetExportOptions } from './exports.js';
import { exitCodes, type Context } from './context.js';
import type { EraseOptions } from './erase/command.js';
import type { NewKeyOptions } from './keys.js';
import type { ReconcileOptions } from './reconcile/command.js';
import type { ReplayOptions } from './replay/command.js';
import type { WhatIfOptions } from './what-if/command.js';

export function programOf(context: Context): Command {
  const program = new Command('modelroute')
    .description('ModelRoute: runs AI models for products and agents, from one append-only log.')
    .addHelpText(
      'after',
      `${exitCodes()}\nVariables of the environment configure it: docs/configuration.md.`,
    );
  program
    .command('serve')
    .description('run the roles of MODELROUTE_ROLES (all unless set) until SIGTERM or SIGINT')
    .addHelpText('after', exitCodes())
    .action(async () => {
      const { serveCommand } = await import('./serve/command.js');
      await serveCommand(context.processEnv);
    });
  addOrganizations(program, context);
  addKeys(program, context);
  addTopUp(program, context);
  addVerify(program, context);
  addRebuild(program, context);
  addReplay(program, context);
  addWhatIf(program, context);
  addReconcile(program, context);
  addLogTransfer(program, context);
  addErase(program, context);
  addEvents(program, context);
  addExports(program, context);
  addExecutions(program, context);
  addCatalogue(program, context);
  addAudit(program, context);
  return program;
}

const JSON_OPTION = ['--json', 'print JSON instead of text'] as const;
const URL_OPTION = [
  '--url <url>',
  'address of the running system (default: PORT on 127.0.0.1, or what the data folder says)',
] as const;
const API_HELP =
  "\nSpeaks to the running system with the operator's key: MODELROUTE_ADMIN_KEY, or the file " +
  `admin-key in the data folder.\n${exitCodes()}`;
const DATABASE_HELP =
  '\nReads the database: DATABASE_URL, or that of the data folder, which is started for the time ' +
  'of the command when no system runs on it.\n';

function addOrganizations(program: Command, context: Context): void {
  const orgs = program.command('orgs').description('organizations, the tenants');
  orgs
    .command('create <name>')
    .description('create an organization')
    .option('--idempotency-key <key>', 'a repeat under the same key answers the same one')
    .option(...URL_OPTION)
    .option(...JSON_OPTION)
    .addHelpText('after', API_HELP)
    .action(async (name: string, options: { idempotencyKey?: string; url?: string; json?: true }) =>
      (await import('./organizations.js')).createOrganization(context, name, options),
    );
  orgs
    .command('list')
    .description('list organizations and what stands on their accounts, newest first')
    .option(...URL_OPTION)
    .option(...JSON_OPTION)
    .addHelpText('after', API_HELP)
    .action(async (options: { url?: string; json?: true }) =>
      (await import('./organizations.js')).listOrganizations(context, options),
    );
}

function addKeys(program: Command, context: Context): void {
  program
    .command('keys')
    .description('API keys')
    .command('create <organization-id>')
    .description('create an API key; it is shown this once')
    .option('--name <name>', 'for people', 'created by an operator')
    .option('--permission <permission>', PERMISSIONS.join(', '), 'FULL')
    .option('--expires-at <moment>', 'ISO 8601 moment from which it is refused')
    .option('--ip <networks...>', 'addresses or networks from which alone it may be used')
    .option('--model <slugs...>', 'the only models that may be run with it')
    .option('--require-region <region>', 'where its executions must be worked on, e.g. eu')
    .option('--require-retention <retention>', 'none: nothing of them is kept')
    .option('--require-training <training>', 'never: nothing is learned from them')
    .option(...URL_OPTION)
    .option(...JSON_OPTION)
    .addHelpText('after', API_HELP)
    .action(async (organizationId: string, options: NewKeyOptions) =>
      (await import('./keys.js')).createKey(context, organizationId, options),
    );
}

function addTopUp(program: Command, context: Context): void {
  program
    .command('top-up <organization-id> <amount>')
    .description('make money available, e.g. 12.50 US dollars')
    .option(
      '--idempotency-key <key>',
      'a repeat under the same key moves nothing (default: a new one)',
    )
    .option(...URL_OPTION)
    .option(...JSON_OPTION)
    .addHelpText('after', API_HELP)
    .action(
      async (
        organizationId: string,
        amount: string,
        options: { idempotencyKey?: string; url?: string; json?: true },
      ) => (await import('./top-up.js')).topUp(context, organizationId, amount, options),
    );
}

function addVerify(program: Command, context: Context): void {
  program
    .command('verify')
    .description('audit the invariants I1 to I6 from the log and the read models; changes nothing')
    .option('--settled', 'the system was drained: whatever has not ended is wrong')
    .option('--deep', 'look at every payload, not at a sample')
    .option('--skip-rebuild', 'do not rebuild the read models for comparison (I6)')
    .option(
      '--calls <file|url>',
      "what providers saw: the sandbox's address, its calls.ndjson, or an invoice",
    )
    .option('--receiver-record <file|url>', 'the same, by its former name')
    .option('--max-findings <number>', 'how many findings are printed', wholeNumber, 50)
    .option(...JSON_OPTION)
    .addHelpText('after', `${DATABASE_HELP}${exitCodes(true)}`)
    .action(
      async (options: {
        settled?: true;
        deep?: true;
        skipRebuild?: true;
        calls?: string;
        receiverRecord?: string;
        maxFindings: number;
        json?: true;
      }) => (await import('./verify.js')).verifyCommand(context, options),
    );
}

function addRebuild(program: Command, context: Context): void {
  program
    .command('rebuild [projection]')
    .description('build a read model anew from the log, beside the live one, and swap it in')
    .option('--all', 'every read model, one after another')
    .option(...JSON_OPTION)
    .addHelpText('after', `${DATABASE_HELP}${exitCodes()}`)
    .action(async (name: string | undefined, options: { all?: true; json?: true }) =>
      (await import('./rebuild.js')).rebuild(context, name, options),
    );
}

function addReplay(program: Command, context: Context): void {
  program
    .command('replay')
    .description('what the balance, the status or the price was then, and why; changes nothing')
    .requiredOption('--as-of <time|position>', 'a moment, or a position of the log')
    .option('--organization <id>', 'its balance and its open holds')
    .option('--execution <id>', 'its status, why it went where it went, and its price')
    .option('--model <slug>', 'its routes and prices in the catalogue that was in force')
    .option(...JSON_OPTION)
    .addHelpText(
      'after',
      `\nWithout a subject the whole log up to then is added up.\n${DATABASE_HELP}${exitCodes()}`,
    )
    .action(async (options: ReplayOptions) =>
      (await import('./replay/command.js')).replay(context, options),
    );
}

function addWhatIf(program: Command, context: Context): void {
  program
    .command('what-if')
    .description('re-route and re-price recorded traffic under another catalogue; calls nobody')
    .requiredOption('--catalogue <file>', 'the proposed catalogue')
    .option('--from <moment>', 'only what was accepted at or after it')
    .option('--to <moment>', 'only what was accepted before it')
    .option(...JSON_OPTION)
    .addHelpText('after', `${DATABASE_HELP}${exitCodes()}`)
    .action(async (options: WhatIfOptions) =>
      (await import('./what-if/command.js')).whatIf(context, options),
    );
}

function addReconcile(program: Command, context: Context): void {
  program
    .command('reconcile <invoice>')
    .description("match a provider's invoice (CSV) with the log, line by line")
    .requiredOption('--provider <slug>', 'whose invoice it is')
    .option('--from <moment>', 'what was dispatched before it may be missing on the invoice')
    .option('--to <moment>', 'what was dispatched at or after it may be missing')
    .option('--all', 'show lines that are equal too')
    .option(...JSON_OPTION)
    .addHelpText('after', `${DATABASE_HELP}${exitCodes(true)}`)
    .action(async (invoice: string, options: ReconcileOptions) =>
      (await import('./reconcile/command.js')).reconcile(context, invoice, options),
    );
}

function addLogTransfer(program: Command, context: Context): void {
  program
    .command('export <folder>')
    .description('write the whole log into a folder, with the payloads that it refers to')
    .option('--log-only', 'without payloads: for a transfer of the event store alone')
    .option(
      '--files',
      'with large payloads and files too: for a transfer of the whole installation',
    )
    .option(...JSON_OPTION)
    .addHelpText(
      'after',
      `${DATABASE_HELP}The system may go on meanwhile: the log is cut at its head. Given again, ` +
        `the command adds what has come since.
${exitCodes()}`,
    )
    .action(async (folder: string, options: { logOnly?: true; files?: true; json?: true }) =>
      (await import('./export.js')).exportCommand(context, folder, options),
    );
  program
    .command('import <folder>')
    .description('import an exported log into the stores that configuration names')
    .option(
      '--stage',
      'import events and payloads only; a later import without it makes the cutover',
    )
    .option(
      '--discard-newer',
      'give up what the log of this database has and the export lacks; without it that is refused',
    )
    .option(...JSON_OPTION)
    .addHelpText(
      'after',
      '\nThe event store must be empty, or hold the beginning of the same log. May be repeated, ' +
        'also after it was killed. Checkpoints follow, read models are built anew, so the system ' +
        `must be stopped. docs/log-transfer.md describes the whole transfer.\n${exitCodes()}`,
    )
    .action(async (folder: string, options: { stage?: true; discardNewer?: true; json?: true }) =>
      (await import('./import.js')).importCommand(context, folder, options),
    );
}

function addErase(program: Command, context: Context): void {
  program
    .command('erase')
    .description('erase what is stored for an organization: its inputs, its outputs, its files')
    .requiredOption('--organization <id>', 'whose; its key is destroyed, and nobody undoes that')
    .option('--yes', 'do it; without it the command says what it would do')
    .option('--force', 'also while executions of it are not over: these come to nothing')
    .option('--reason <text>', 'why, for the log')
    .option(...JSON_OPTION)
    .addHelpText(
      'after',
      `${DATABASE_HELP}Log, ledger and proofs stay, and hold. Given again, the command goes on ` +
        `where it was interrupted. Where MODELROUTE_MIGRATIONS_DATABASE_URL is set it is done as ` +
        `that role.\n${exitCodes()}`,
    )
    .action(async (options: EraseOptions) =>
      (await import('./erase/command.js')).eraseCommand(context, options),
    );
}

function addEvents(program: Command, context: Context): void {
  program
    .command('events')
    .description('the event log')
    .command('tail')
    .description('print events, one JSON object a line')
    .option('--from <position>', 'first position (default: the newest 20)', position)
    .option('--organization <id>', 'its feed instead, as CloudEvents; --from is a number of it')
    .option('--types <types>', 'only these: HoldPlaced,HoldSettled; of a feed hold.placed')
    .option('--follow', 'go on until interrupted')
    .addHelpText('after', `${DATABASE_HELP}${exitCodes()}`)
    .action(async ({ organization, ...options }: TailOptions) =>
      organization === undefined
        ? (await import('./events-tail.js')).tailEvents(context, options)
        : (await import('./feed-tail.js')).tailFeed(context, { organization, ...options }),
    );
}

function addExports(program: Command, context: Context): void {
  const exports = program.command('exports').description('continuous exports of feeds');
  exports
    .command('list')
    .description('what is set, how far each is, and why it does not go on')
    .option(...URL_OPTION)
    .option(...JSON_OPTION)
    .addHelpText('after', API_HELP)
    .action(async (options: { url?: string; json?: true }) =>
      (await import('./exports.js')).listExports(context, options),
    );
  exports
    .command('set <name>')
    .description('set an export to a folder, a bucket or a topic, or change when it writes')
    .option('--format <format>', 'parquet (default) or ndjson.gz; of a topic cloudevents')
    .option('--organization <id>', 'whose feed (default: those of all)')
    .option('--folder <path>', 'a folder below exports in the data folder')
    .option('--bucket <name>', 'a bucket of an S3-compatible store instead')
    .option('--endpoint <url>', "where the store answers (default: Amazon's of the region)")
    .option('--region <region>', 'of the bucket')
    .option('--prefix <path>', 'what the names of objects begin with')
    .option('--access-key-env <name>', 'variable of the processors that has the access key')
    .option('--secret-key-env <name>', 'variable that has the secret key')
    .option('--session-token-env <name>', 'variable that has the session token')
    .option('--topic <name>', 'a topic of Kafka instead')
    .option('--brokers <hosts>', 'some of its brokers: host:port,host:port')
    .option('--no-tls', 'connections to the brokers are not encrypted')
    .option('--sasl <mechanism>', 'plain, scram-sha-256 or scram-sha-512')
    .option('--username-env <name>', 'variable that has the name of the user')
    .option('--password-env <name>', 'variable that has the password')
    .option('--operator-columns', 'with provider, route, cost, …; only of all feeds')
    .option('--from <number>', 'the first event: a number of the feed, of all a position')
    .option('--events-max <number>', 'events are written when so many are there', wholeNumber)
    .option('--delay-seconds <number>', 'or when the oldest is so old', wholeNumber)
    .option('--reason <text>', 'why; it is recorded')
    .option(...URL_OPTION)
    .option(...JSON_OPTION)
    .addHelpText('after', API_HELP)
    .action(async (name: string, options: SetExportOptions) =>
      (await import('./exports.js')).setExport(context, name, options),
    );
  exports
    .command('remove <name>')
    .description('end an export; what it wrote stays')
    .option('--reason <text>', 'why; it is recorded')
    .option(...URL_OPTION)
    .addHelpText('after', API_HELP)
    .action(async (name: string, options: { url?: string; reason?: string }) =>
      (await import('./exports.js')).removeExport(context, name, options),
    );
}

interface TailOptions {
  readonly from?: bigint;
  readonly organization?: string;
  readonly types?: string;
  readonly follow?: true;
}

function addExecutions(program: Command, context: Context): void {
  program
    .command('executions')
    .description('executions, as operators see them')
    .command('show <execution-id>')
    .description('attempts, providers, routing decisions, money and deliveries of an execution')
    .option(...JSON_OPTION)
    .addHelpText('after', `${DATABASE_HELP}${exitCodes()}`)
    .action(async (id: string, options: { json?: true }) =>
      (await import('./executions-show.js')).showExecution(context, id, options),
    );
}

function wholeNumber(text: string): number {
  if (/^\d{1,9}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('It is no whole number.');
}

function position(text: string): bigint {
  if (/^\d{1,18}$/.test(text)) return BigInt(text);
  throw new InvalidArgumentError('It is no position.');
}
