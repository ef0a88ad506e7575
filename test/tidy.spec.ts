/** The rules of the house that a machine can check and no linter knows. Pure; takes seconds. */
import { expect } from 'chai';
import ts from 'typescript';
import {
  eachNode,
  exportsOf,
  lineOf,
  pathsBelow,
  readSourceFile,
  textOf,
  type ExportedName,
  type Import,
  type SourceFile,
} from './support/source-files.js';

const FILE_LINES_MAX = 400;
const FUNCTION_LINES_MAX = 70;
const COLUMNS_MAX = 100;

/** Imports point at the same room or at one further to the left; apps never at each other. */
const LAYERS = ['contracts', 'domain', 'infra', 'apps', 'cli'] as const;
const APPS = ['command-api', 'query-api', 'processors', 'projectors', 'sandbox'];
/** Programs and specs: they may see everything, and nothing else may see them. */
const OUTSIDE = ['test', 'bench', 'scripts'];

/** What makes a digest is arithmetic; the rest of node's modules touches the world. */
const PURE_NAMES: Readonly<Record<string, readonly string[]>> = {
  'node:crypto': ['createHash', 'createHmac', 'hash', 'timingSafeEqual'],
};

describe('tidy', function () {
  this.timeout(30_000);
  let files: SourceFile[] = [];
  let shipped: SourceFile[] = [];

  before(() => {
    const paths = pathsBelow().filter((path) => path.endsWith('.ts') && path.includes('/'));
    files = paths.map(readSourceFile);
    shipped = files.filter(({ isSupport }) => !isSupport);
  });

  const found = (of: readonly SourceFile[], rule: (file: SourceFile) => readonly string[]) =>
    expect(of.flatMap(rule)).to.deep.equal([]);

  it('imports point one way', () => {
    found(files, (file) => file.imports.filter(isWrongWay(file)).map(describeImport(file)));
  });

  it('imports of our own files name files that are there', () => {
    const paths = new Set(files.map(({ path }) => path));
    const isMissing = ({ isOurs, from }: Import) => isOurs && !paths.has(from);
    found(files, (file) => file.imports.filter(isMissing).map(describeImport(file)));
  });

  it('the query API imports no decider', () => {
    const deciders = new Set(
      files
        .filter(({ room }) => room === 'domain')
        .filter((file) => exportsOf(file).some(({ name }) => name === 'decide'))
        .map(({ path }) => path),
    );
    const isDecider = ({ from }: Import) => deciders.has(from);
    const queryApi = shipped.filter(({ room }) => room === 'query-api');
    found(queryApi, (file) => file.imports.filter(isDecider).map(describeImport(file)));
  });

  it('contracts and domain touch nothing of the world', () => {
    const pure = shipped.filter(({ room }) => room === 'contracts' || room === 'domain');
    found(pure, (file) => [
      ...file.imports.filter(isImpure).map(describeImport(file)),
      ...nodesOf(file, isWorldly),
    ]);
  });

  it('only configuration and the mains read the environment', () => {
    const mayRead = ({ path, room }: SourceFile) =>
      path.startsWith('infra/config/') || path === 'cli/main.ts' || OUTSIDE.includes(room);
    found(
      shipped.filter((file) => !mayRead(file)),
      (file) => nodesOf(file, isEnvironment),
    );
  });

  it(`no file has more than ${FILE_LINES_MAX} lines`, () => {
    const linesOf = ({ lines }: SourceFile) => lines.length - 1;
    const isLong = (file: SourceFile) => linesOf(file) > FILE_LINES_MAX;
    found(files.filter(isLong), (file) => [`${file.path} has ${linesOf(file)}`]);
  });

  it(`no function has more than ${FUNCTION_LINES_MAX} lines`, () => {
    found(files, longFunctions);
  });

  it(`no line has more than ${COLUMNS_MAX} columns`, () => {
    found(files, ({ path, lines }) =>
      lines.flatMap((line, index) =>
        [...line].length > COLUMNS_MAX ? [`${path}:${index + 1} has ${[...line].length}`] : [],
      ),
    );
  });

  it('what is exported is imported by what is shipped, or at work in its own file', () => {
    const inPrograms = importedBy(files.filter(({ isSupport }) => !isSupport));
    const anywhere = importedBy(files);
    found(files, (file) => {
      const used = file.isSupport ? anywhere : inPrograms;
      const isNeedless = ({ name, node }: ExportedName) => {
        if (isImported(used, file, name) || name === 'mochaHooks') return false;
        // A type that an exported signature names is part of it; a value is there for a spec.
        return (
          !isNamedInside(file, name, node) || !(isType(node) || isImported(anywhere, file, name))
        );
      };
      return exportsOf(file)
        .filter(isNeedless)
        .map(({ name, line }) => `${file.path}:${line} exports ${name}`);
    });
  });

  it('there is no any, no enum, no default export, no barrel', () => {
    found(files, (file) => [...nodesOf(file, isUnwanted), ...(isBarrel(file) ? [file.path] : [])]);
  });

  it('only programs and specs write to the console', () => {
    const silent = shipped.filter(({ room }) => room !== 'cli' && !OUTSIDE.includes(room));
    found(silent, (file) => nodesOf(file, isConsole));
  });

  it('nothing is left to do, and nobody’s machine is named', () => {
    const marks = /\b(TO[D]O|FIX[M]E|XX[X])\b/;
    const machine = /(^|[\s'"`(=])\/(home|Users|root|work|workspace)\/[\w.-]/;
    const isWritten = (path: string) =>
      /(\.(ts|md|ya?ml|json|sql)|Makefile)$/.test(path) && path !== 'package-lock.json';
    const read = pathsBelow().filter(isWritten);
    const wrong = read.flatMap((path) =>
      textOf(path)
        .split('\n')
        .flatMap((line, index) =>
          marks.test(line) || machine.test(line) ? [`${path}:${index + 1} ${line.trim()}`] : [],
        ),
    );
    expect(wrong).to.deep.equal([]);
  });

  it('the lockfile names only the ordinary registry', () => {
    const { packages } = JSON.parse(textOf('package-lock.json')) as {
      packages: Record<string, { resolved?: string; link?: boolean }>;
    };
    const elsewhere = Object.entries(packages).filter(
      ([, { resolved }]) => resolved && !resolved.startsWith('https://registry.npmjs.org/'),
    );
    expect(elsewhere.map(([name]) => name)).to.deep.equal([]);
  });
});

const describeImport =
  ({ path }: SourceFile) =>
  ({ line, from, names }: Import): string =>
    `${path}:${line} imports ${names.join(', ')} of ${from}`;

const importedBy = (importers: readonly SourceFile[]): ReadonlySet<string> =>
  new Set(
    importers.flatMap(({ imports }) =>
      imports.flatMap(({ from, names }) => names.map((name) => `${from}#${name}`)),
    ),
  );

const isImported = (used: ReadonlySet<string>, { path }: SourceFile, name: string): boolean =>
  used.has(`${path}#${name}`) || used.has(`${path}#*`);

const isType = (node: ts.Node): boolean =>
  ts.isInterfaceDeclaration(node) || ts.isTypeAliasDeclaration(node);

/** By another part of the file than its own declaration. */
function isNamedInside({ ast }: SourceFile, name: string, declaration: ts.Node): boolean {
  let isNamed = false;
  for (const statement of ast.statements)
    if (statement !== declaration)
      eachNode(statement, (node) => {
        if (ts.isIdentifier(node) && node.text === name) isNamed = true;
      });
  return isNamed;
}

function layerOf(room: string): number {
  return LAYERS.indexOf((APPS.includes(room) ? 'apps' : room) as (typeof LAYERS)[number]);
}

const isWrongWay =
  (file: SourceFile) =>
  ({ isOurs, from }: Import): boolean => {
    if (!isOurs || OUTSIDE.includes(file.room)) return false;
    const room = from.split('/')[0] ?? '';
    if (OUTSIDE.includes(room)) return !(file.isSupport && room === 'test');
    // A spec may look around: it is not part of what it tests.
    if (file.isSupport || room === file.room) return false;
    return layerOf(room) >= layerOf(file.room);
  };

const isImpure = ({ isOurs, from, names }: Import): boolean =>
  !isOurs && !names.every((name) => PURE_NAMES[from]?.includes(name));

function nodesOf(file: SourceFile, isMeant: (node: ts.Node) => boolean): readonly string[] {
  const lines: string[] = [];
  eachNode(file.ast, (node) => {
    if (!isMeant(node)) return;
    const [text = ''] = node.getText().split('\n');
    lines.push(`${file.path}:${lineOf(file.ast, node.getStart())} ${text}`);
  });
  return lines;
}

const readsOf = (node: ts.Node): string =>
  ts.isPropertyAccessExpression(node) ? node.getText().replaceAll(/\s/g, '') : '';

/** Clock, randomness, timers, promises, the process. */
function isWorldly(node: ts.Node): boolean {
  if (['Date.now', 'Math.random', 'performance.now', 'crypto.randomUUID'].includes(readsOf(node)))
    return true;
  if (ts.isNewExpression(node) && node.expression.getText() === 'Date')
    return (node.arguments?.length ?? 0) === 0;
  if (ts.isAwaitExpression(node) || node.kind === ts.SyntaxKind.AsyncKeyword) return true;
  if (!ts.isIdentifier(node)) return false;
  const isOurs = ts.isPropertyAccessExpression(node.parent) && node.parent.name === node;
  return (
    !isOurs && ['Promise', 'process', 'setTimeout', 'setInterval', 'fetch'].includes(node.text)
  );
}

const isEnvironment = (node: ts.Node): boolean =>
  readsOf(node) === 'process.env' ||
  (ts.isImportDeclaration(node) && /['"](node:)?process['"]/.test(node.moduleSpecifier.getText()));

const isConsole = (node: ts.Node): boolean => readsOf(node).startsWith('console.');

function isUnwanted(node: ts.Node): boolean {
  return (
    node.kind === ts.SyntaxKind.AnyKeyword ||
    ts.isEnumDeclaration(node) ||
    ts.isExportAssignment(node) ||
    node.kind === ts.SyntaxKind.DefaultKeyword
  );
}

/** A file that only hands on. */
const isBarrel = ({ ast }: SourceFile): boolean =>
  ast.statements.length > 0 &&
  ast.statements.every((statement) => ts.isExportDeclaration(statement));

/** A `describe` is a list of specs, and as long as it must be. */
function longFunctions({ path, ast }: SourceFile): readonly string[] {
  const long: string[] = [];
  eachNode(ast, (node) => {
    if (!ts.isFunctionLike(node) || !('body' in node) || isSuite(node)) return;
    const first = lineOf(ast, node.getStart());
    const lines = lineOf(ast, node.getEnd()) - first + 1;
    if (lines > FUNCTION_LINES_MAX) long.push(`${path}:${first} has ${lines}`);
  });
  return long;
}

function isSuite(node: ts.Node): boolean {
  const { parent } = node;
  return ts.isCallExpression(parent) && /^describe\b/.test(parent.expression.getText());
}
