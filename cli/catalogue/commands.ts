/** `catalogue …`: what there is to say about a catalogue file, and what is imported into one. */
import { InvalidArgumentError, Option, type Command } from 'commander';
import { EXIT_FOUND, exitCodes, type Context } from '../context.js';

export function addCatalogue(program: Command, context: Context): void {
  const catalogue = program.command('catalogue').description('catalogue files and their versions');
  addCheck(catalogue, context);
  addImport(catalogue, context);
  addVersions(catalogue, context);
}

function addCheck(catalogue: Command, context: Context): void {
  catalogue
    .command('check <file>')
    .description('check a catalogue file as a start does, and say what it means here')
    .option('--try', 'make one cheap call on each route, and show what comes back and its cost')
    .option('--only <words>', 'with --try: only routes whose name has one of these words')
    .addHelpText(
      'after',
      '\nNames each mistake with its place, providers whose credential is not set, and how those ' +
        'that call back or\nfetch files reach this system (MODELROUTE_PUBLIC_URL). With --try ' +
        'the calls are real and paid, one a route,\nwith the credentials of the environment; no ' +
        `credential is printed.\n${exitCodes()}` +
        `  ${EXIT_FOUND}  checked, and a mistake was found or a tried route did not answer\n`,
    )
    .action(async (file: string, options: { try?: true; only?: string }) =>
      (await import('./check.js')).checkCatalogue(context, file, options),
    );
}

function addImport(catalogue: Command, context: Context): void {
  catalogue
    .command('import <kind> <file>')
    .description('turn a public list of models and prices into routes; kind: openrouter or litellm')
    .option('--into <catalogue>', 'the catalogue file (default: that of MODELROUTE_CATALOGUE)')
    .option('--write', 'write the difference that is shown; without it nothing is changed')
    .option('--only <words>', 'only models whose name in the list has one of these words')
    .option('--provider <slug>', 'litellm: only models of this provider of the list')
    .addOption(
      // Its text is given: help cannot write a bigint.
      new Option('--markup <percent>', 'what callers pay above the cost')
        .argParser(percent)
        .default(0n, '0'),
    )
    .option('--remove', 'also remove imported models that the list does not have any more')
    .addHelpText(
      'after',
      '\nopenrouter: the answer of https://openrouter.ai/api/v1/models, downloaded.\n' +
        'litellm: model_prices_and_context_window.json of the repository BerriAI/litellm.\n' +
        'Prices are exact: what is finer than a millionth of a dollar is named and left out. ' +
        'Comments and order of\nwhat does not change are kept. The file that results is checked ' +
        `before it replaces the one that is there.\n${exitCodes()}`,
    )
    .action(async (kind: string, file: string, options: object) =>
      (await import('./import-list.js')).importList(context, kind, file, options),
    );
}

function addVersions(catalogue: Command, context: Context): void {
  catalogue
    .command('versions')
    .description('the versions that were in force, when each was first, and what it changed')
    .option(...JSON_OPTION)
    .addHelpText('after', `${DATABASE_HELP}${exitCodes()}`)
    .action(async (options: { json?: true }) =>
      (await import('./versions.js')).listVersions(context, options),
    );
  catalogue
    .command('show <version>')
    .description('models, routes, prices, promises and capabilities of a version, from the log')
    .option('--against <version>', 'only what is another than in that version')
    .option(...JSON_OPTION)
    .addHelpText('after', `${DATABASE_HELP}${exitCodes()}`)
    .action(async (version: string, options: { against?: string; json?: true }) =>
      (await import('./versions.js')).showVersion(context, version, options),
    );
}

const JSON_OPTION = ['--json', 'print JSON instead of text'] as const;
const DATABASE_HELP =
  '\nAn execution names the version that it was accepted under (executions show), and is priced ' +
  'by that.\nReads the database: DATABASE_URL, or that of the data folder.\n';

function percent(text: string): bigint {
  if (/^\d{1,4}$/.test(text)) return BigInt(text);
  throw new InvalidArgumentError('It is no whole number of percent.');
}
