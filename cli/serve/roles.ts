/**
 * What a process needs that runs only some of the roles. Others do the rest, so what it would make
 * for itself alone (a database, keys) would be of no use to them.
 */
import type { Config, Role } from '../../infra/config/config.js';
import type { Dependency, Infra } from '../../runtime/infra.js';
import { StartError } from '../../infra/start-error.js';

/** Together these do everything; a relay and a sandbox only help. */
const WORKING: readonly Role[] = ['command-api', 'query-api', 'processors', 'projectors'];

const isApart = ({ roles }: Config): boolean => !WORKING.every((role) => roles.has(role));

/** Throws `StartError` when it cannot do its part with what is configured. */
export function requireForRoles(config: Config): void {
  const { roles, databaseUrl, kafkaBrokers, masterKey, adminKey } = config;
  if (!isApart(config)) return;
  const has = (...some: Role[]) => some.some((role) => roles.has(role));
  const names = [...roles].join(',');
  const refuse = (what: string) => {
    throw new StartError(`MODELROUTE_ROLES is '${names}': ${what}.`);
  };
  if (databaseUrl === undefined)
    refuse('set DATABASE_URL to the database that it shares with the processes of the other roles');
  if (has('relay') && kafkaBrokers === undefined)
    refuse('a relay carries events to Kafka, so set KAFKA_BROKERS, or leave the role out');
  if (has('command-api', 'query-api', 'processors') && masterKey === undefined)
    refuse(
      'set MODELROUTE_MASTER_KEY, the same in every process: webhook secrets and the cursors of ' +
        'lists are derived from it',
    );
  if (has('command-api', 'query-api') && adminKey === undefined)
    refuse(
      "set MODELROUTE_ADMIN_KEY, the same in every process, so that the operator's key opens all",
    );
}

/** Who can do nothing without it, where that is not everybody. */
const NEEDED_BY: Readonly<Record<string, readonly Role[]>> = {
  'event-bus': ['processors', 'relay'],
  'file-store': ['processors'],
};

/**
 * What must answer for a process of these roles to be ready. An API accepts and reads while the bus
 * or the file store is away, but for what is large; no balancer should turn from it for that.
 */
export const neededDependencies = ({ config, dependencies }: Needing): readonly Dependency[] =>
  dependencies.filter(({ name }) => {
    const roles = NEEDED_BY[name];
    return roles === undefined || roles.some((role) => config.roles.has(role));
  });

type Needing = Pick<Infra, 'dependencies'> & { readonly config: Pick<Config, 'roles'> };

/** Said once at the start; empty when nothing is amiss. */
export function doubtsAboutRoles(config: Config): readonly string[] {
  if (!isApart(config)) return [];
  const { publicUrl, roles, s3 } = config;
  const doubts: string[] = [];
  if (s3 === undefined)
    doubts.push(
      'S3_ENDPOINT is not set: files and payloads over 64 KB stay in the data folder of this ' +
        'process, where processes of other roles do not find them unless they share its folders',
    );
  const namesUrls = roles.has('command-api') || roles.has('query-api') || roles.has('processors');
  if (publicUrl === undefined && namesUrls)
    doubts.push(
      'MODELROUTE_PUBLIC_URL is not set: URLs to upload to, links to files and callbacks name ' +
        'the port of this process on this machine, and not the balancer',
    );
  return doubts;
}
