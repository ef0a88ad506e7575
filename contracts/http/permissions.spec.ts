import { expect } from 'chai';
import { readFileSync } from 'node:fs';
import { PERMISSIONS } from '../events/api-key.js';
import { permits, permittedTo, type Scope } from './permissions.js';

const SCOPES = Object.keys(permittedTo) as Scope[];

describe('permissions', () => {
  it('are the table that integrators read', () => {
    const page = readFileSync(new URL('../../docs/build/keys.md', import.meta.url), 'utf8');
    const cells = page
      .split('\n')
      .filter((line) => line.startsWith('| '))
      .map((line) => line.split('|').map((cell) => cell.trim()));
    const head = cells.find(([, first]) => first === 'scope') ?? [];
    expect(head.slice(2, -2)).to.deep.equal(PERMISSIONS.map((name) => `\`${name}\``));
    const written = cells
      .filter(([, scope]) => /^`[a-z]+:(read|write)`$/.test(scope ?? ''))
      .map(([, scope, ...row]) => [scope, ...row.slice(0, PERMISSIONS.length)]);
    const held = SCOPES.map((scope) => [
      `\`${scope}\``,
      ...PERMISSIONS.map((permission) => (permits(permission, scope) ? 'yes' : '')),
    ]);
    expect(written).to.deep.equal(held);
  });

  it('let FULL do all, and AUDITOR all that only reads', () => {
    expect(SCOPES.filter((scope) => !permits('FULL', scope))).to.deep.equal([]);
    expect(SCOPES.filter((scope) => permits('AUDITOR', scope))).to.deep.equal(
      SCOPES.filter((scope) => scope.endsWith(':read')),
    );
  });
});
