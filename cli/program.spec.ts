/** What there is to type: every command explains itself, and the page of commands names it. */
import type { Command } from 'commander';
import { expect } from 'chai';
import { textOf } from '../testing/repository-files.js';
import { programOf } from './program.js';

const program = programOf({
  processEnv: {},
  env: () => ({}),
  config: () => {
    throw new Error('help is given whatever is set');
  },
  signal: new AbortController().signal,
  print: () => undefined,
  endWith: () => undefined,
});

const withSubcommands = (command: Command): readonly Command[] => [
  command,
  ...command.commands.flatMap(withSubcommands),
];

/** `catalogue import`; the program itself has no name here. */
const nameOf = (command: Command): string =>
  command.parent?.parent ? `${command.parent.name()} ${command.name()}` : command.name();

describe('the commands of modelroute', () => {
  for (const command of withSubcommands(program))
    it(`${nameOf(command)} has help on itself and on each of its options`, () => {
      const help = command.helpInformation();
      expect(help).to.contain('Usage: modelroute').and.contain(command.name());
      expect(command.description()).to.match(/^\S.{4,}/);
      for (const { long, description } of command.options) {
        expect(help).to.contain(long);
        expect(description, String(long)).to.match(/^\S.{4,}/);
      }
    });

  it('are all in the page of commands', () => {
    const page = textOf('docs/operate/commands.md');
    const leaves = withSubcommands(program).filter(({ commands }) => commands.length === 0);
    const absent = leaves
      .map((command) => nameOf(command))
      .filter((name) => !page.includes(`\`${name}`));
    expect(absent).to.deep.equal([]);
  });
});
