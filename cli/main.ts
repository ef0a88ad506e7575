/** The command line: `modelroute <command>`. */
import { Command } from 'commander';
import { StartError } from '../infra/start-error.js';
import { serveCommand } from './serve/command.js';

const program = new Command('modelroute')
  .description('The event-sourced execution layer that runs AI models.')
  .showHelpAfterError();

program
  .command('serve')
  .description('Runs the roles of MODELROUTE_ROLES (all of them unless set) until SIGTERM.')
  .action(() => serveCommand(process.env));

try {
  await program.parseAsync();
} catch (error) {
  if (!(error instanceof StartError)) throw error;
  process.stderr.write(`modelroute: ${error.message}\n`);
  process.exit(1);
}
