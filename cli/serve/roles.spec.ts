import { expect } from 'chai';
import { configFrom } from '../../infra/config/config.js';
import { StartError } from '../../infra/start-error.js';
import { doubtsAboutRoles, neededDependencies, requireForRoles } from './roles.js';

const EVERYTHING = {
  DATABASE_URL: 'postgres://localhost/modelroute',
  KAFKA_BROKERS: 'localhost:9092',
  MODELROUTE_MASTER_KEY: 'm'.repeat(32),
  MODELROUTE_ADMIN_KEY: 'a'.repeat(16),
  S3_ENDPOINT: 'http://localhost:7070',
  S3_BUCKET: 'modelroute',
  MODELROUTE_PUBLIC_URL: 'https://api.example',
};

type Name = keyof typeof EVERYTHING;

/** With everything but these. */
const configOf = (roles: string, ...without: Name[]) =>
  configFrom({
    ...Object.fromEntries(
      Object.entries(EVERYTHING).filter(([name]) => !without.includes(name as Name)),
    ),
    MODELROUTE_ROLES: roles,
  });

const ALL_NAMES = Object.keys(EVERYTHING) as Name[];

describe('roles apart', () => {
  for (const roles of ['all', 'command-api,query-api,processors,projectors'])
    it(`need nothing when they are ${roles}`, () => {
      requireForRoles(configOf(roles, ...ALL_NAMES));
      expect(doubtsAboutRoles(configOf(roles, ...ALL_NAMES))).to.deep.equal([]);
    });

  const needs: [string, Name[]][] = [
    ['command-api', ['DATABASE_URL', 'MODELROUTE_MASTER_KEY', 'MODELROUTE_ADMIN_KEY']],
    ['query-api', ['DATABASE_URL', 'MODELROUTE_MASTER_KEY', 'MODELROUTE_ADMIN_KEY']],
    ['processors', ['DATABASE_URL', 'MODELROUTE_MASTER_KEY']],
    ['projectors', ['DATABASE_URL']],
    ['relay', ['DATABASE_URL', 'KAFKA_BROKERS']],
    ['projectors,relay,sandbox', ['DATABASE_URL', 'KAFKA_BROKERS']],
    ['command-api,query-api', ['DATABASE_URL', 'MODELROUTE_MASTER_KEY', 'MODELROUTE_ADMIN_KEY']],
  ];
  for (const [roles, needed] of needs)
    it(`that are ${roles} need ${needed.join(', ')}, and no more`, () => {
      requireForRoles(configOf(roles, ...ALL_NAMES.filter((name) => !needed.includes(name))));
      for (const name of needed) {
        const start = () => requireForRoles(configOf(roles, name));
        expect(start, name).to.throw(StartError, new RegExp(`^MODELROUTE_ROLES is .* ${name}`));
      }
    });

  it('are ready when what their part needs answers', () => {
    const names = ['database', 'event-store', 'event-bus', 'file-store'];
    const dependencies = names.map((name) => ({ name, check: async () => undefined }));
    const asked = (roles: string) =>
      neededDependencies({ config: configOf(roles), dependencies }).map(({ name }) => name);
    for (const roles of ['all', 'processors', 'query-api,processors'])
      expect(asked(roles), roles).to.deep.equal(names);
    for (const roles of ['command-api', 'query-api', 'projectors'])
      expect(asked(roles), roles).to.deep.equal(['database', 'event-store']);
    expect(asked('relay')).to.deep.equal(['database', 'event-store', 'event-bus']);
  });

  it('are told that they do not share files, and that nobody finds them', () => {
    expect(doubtsAboutRoles(configOf('query-api'))).to.deep.equal([]);
    const [files, ...none] = doubtsAboutRoles(configOf('query-api', 'S3_ENDPOINT'));
    expect(files).to.match(/^S3_ENDPOINT/);
    expect(none).to.deep.equal([]);
    const [url] = doubtsAboutRoles(configOf('command-api', 'MODELROUTE_PUBLIC_URL'));
    expect(url).to.match(/^MODELROUTE_PUBLIC_URL/);
    expect(doubtsAboutRoles(configOf('projectors', 'MODELROUTE_PUBLIC_URL'))).to.deep.equal([]);
  });
});
