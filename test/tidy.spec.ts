/** The rules of the house that a machine can check and no linter knows. Pure; takes seconds. */
import { dirname, join, normalize } from 'node:path';
import { expect } from 'chai';
import ts from 'typescript';
import { linesByRoom } from '../testing/product-lines.js';
import { pathsBelow, textOf } from '../testing/repository-files.js';
import {
  eachNode,
  exportsOf,
  lineOf,
  readSourceFile,
  roomOf,
  type ExportedName,
  type Import,
  type SourceFile,
} from './testing/source-files.js';

const FILE_LINES_MAX = 400;
const FUNCTION_LINES_MAX = 70;
const COLUMNS_MAX = 100;
const PRODUCT_LINES_MAX = 100_000;
const INFRA_SHARE_MAX = 0.36;

/** Imports point at the same room or to the left of it; apps never at each other. */
const LAYERS: readonly (readonly string[])[] = [
  ['contracts'],
  ['domain'],
  ['infra', 'http/client'],
  ['command-handling', 'providers'],
  ['http/server'],
  ['runtime'],
  ['command-api', 'query-api', 'processors', 'projectors', 'sandbox', 'console', 'mcp'],
  ['audit'],
  ['cli'],
];
/** Programs and whole-system specs: they may see everything, and nothing else may see them. */
const OUTSIDE = ['test', 'bench', 'scripts'];

/**
 * What makes a digest is arithmetic, and so is a signature of Ed25519, of which a text has one; the
 * rest of node's modules touches the world.
 */
const DIGESTS = ['createHash', 'createHmac', 'hash', 'timingSafeEqual'];
const SIGNATURES = ['createPrivateKey', 'createPublicKey', 'sign', 'verify'];
const PURE_NAMES: Readonly<Record<string, readonly string[]>> = {
  'node:crypto': [...DIGESTS, ...SIGNATURES],
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

  it('every file is in a room that has its place', () => {
    const hasPlace = ({ room }: SourceFile) =>
      layerOf(room) >= 0 || OUTSIDE.includes(room) || room === 'testing';
    expect(files.filter((file) => !hasPlace(file)).map(({ path }) => path)).to.deep.equal([]);
    expect(pathsBelow().filter((path) => /^[^/]+\.ts$/.test(path))).to.deep.equal([]);
  });

  it('imports point one way', () => {
    found(files, (file) => file.imports.filter(isWrongWay(file)).map(describeImport(file)));
  });

  it('no file imports itself by way of others, and no room either', () => {
    const circles = (edges: ReadonlyMap<string, ReadonlySet<string>>) =>
      circlesIn(edges).map((circle) => circle.join(' ⇄ '));
    expect(circles(edgesOf(files, ({ path }) => path))).to.deep.equal([]);
    expect(circles(edgesOf(files, ({ room }) => room))).to.deep.equal([]);
  });

  it('the product imports nothing of testing/', () => {
    const support = new Set(files.filter(({ isSupport }) => isSupport).map(({ path }) => path));
    found(shipped, (file) =>
      file.imports.filter(({ from }) => support.has(from)).map(describeImport(file)),
    );
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

  it(`the product has at most ${PRODUCT_LINES_MAX} lines, and infra a bounded part of them`, () => {
    const { total, infraShare } = linesByRoom();
    expect(total).to.be.at.most(PRODUCT_LINES_MAX);
    expect(infraShare).to.be.at.most(INFRA_SHARE_MAX);
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

  it('nothing is spread whose members could stand there themselves', () => {
    found(files, (file) => nodesOf(file, isNeedlessSpread));
  });

  it('only programs and specs write to the console', () => {
    const silent = shipped.filter(({ room }) => room !== 'cli');
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

  it('links and paths in the documentation name files that are there', () => {
    const paths = new Set(pathsBelow());
    const isThere = (path: string) =>
      paths.has(path) || [...paths].some((one) => one.startsWith(`${path.replace(/\/$/, '')}/`));
    const pages = [...paths].filter((path) => path.endsWith('.md'));
    const broken = pages.flatMap((page) =>
      [...textOf(page).matchAll(/\]\((?!https?:|#|\/)([^)#\s]+)/g)]
        .map(([, link = '']) => normalize(join(dirname(page), link)))
        .filter((path) => !isThere(path))
        .map((path) => `${page} links to ${path}`),
    );
    expect(broken).to.deep.equal([]);
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

/** `infra` is one layer of many rooms; what is in no layer is `testing/`. */
function layerOf(room: string): number {
  const name = room.startsWith('infra/') ? 'infra' : room;
  return LAYERS.findIndex((layer) => layer.includes(name));
}

const isWrongWay =
  (file: SourceFile) =>
  ({ isOurs, from }: Import): boolean => {
    if (!isOurs || OUTSIDE.includes(file.room)) return false;
    const room = roomOf(from);
    if (OUTSIDE.includes(room)) return true;
    // A spec may look around: it is not part of what it tests.
    if (file.isSupport || room === file.room) return false;
    if (room.startsWith('infra/') && file.room.startsWith('infra/')) return false;
    return layerOf(room) >= layerOf(file.room);
  };

/** From each file or room to what it imports of others. */
function edgesOf(
  files: readonly SourceFile[],
  nameOf: (file: Pick<SourceFile, 'path' | 'room'>) => string,
): ReadonlyMap<string, ReadonlySet<string>> {
  const edges = new Map<string, Set<string>>();
  for (const file of files) {
    const from = nameOf(file);
    const targets = edges.get(from) ?? new Set();
    edges.set(from, targets);
    for (const { isOurs, from: path } of file.imports) {
      const to = nameOf({ path, room: roomOf(path) });
      if (isOurs && to !== from) targets.add(to);
    }
  }
  return edges;
}

/** The circles, each as the names that reach one another (Tarjan's strong components). */
function circlesIn(edges: ReadonlyMap<string, ReadonlySet<string>>): readonly string[][] {
  const circles: string[][] = [];
  const order = new Map<string, number>();
  const lowest = new Map<string, number>();
  const open: string[] = [];
  const lower = (name: string, to: number) =>
    lowest.set(name, Math.min(lowest.get(name) ?? to, to));
  const visit = (name: string): void => {
    const number = order.size;
    order.set(name, number);
    lowest.set(name, number);
    open.push(name);
    for (const target of edges.get(name) ?? []) {
      if (!order.has(target)) visit(target);
      if (open.includes(target)) lower(name, lowest.get(target) ?? number);
    }
    if (lowest.get(name) !== number) return;
    const circle = open.splice(open.indexOf(name));
    if (circle.length > 1) circles.push(circle.sort());
  };
  for (const name of edges.keys()) if (!order.has(name)) visit(name);
  return circles;
}

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

/** `object.property` where the object is a name; '' for everything else. */
const readsOf = (node: ts.Node): string =>
  ts.isPropertyAccessExpression(node) && ts.isIdentifier(node.expression)
    ? `${node.expression.text}.${node.name.text}`
    : '';

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

/** An object literal in another, or an array literal among the arguments of a call. */
function isNeedlessSpread(node: ts.Node): boolean {
  if (ts.isSpreadAssignment(node)) return ts.isObjectLiteralExpression(inside(node.expression));
  if (!ts.isSpreadElement(node) || ts.isArrayLiteralExpression(node.parent)) return false;
  return ts.isArrayLiteralExpression(inside(node.expression));
}

/** Without parentheses and assertions. */
const inside = (node: ts.Expression): ts.Expression =>
  ts.isParenthesizedExpression(node) || ts.isAsExpression(node) || ts.isSatisfiesExpression(node)
    ? inside(node.expression)
    : node;

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
