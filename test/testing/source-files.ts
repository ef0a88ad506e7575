/** The project's own files as the compiler reads them, for the rules that tidy.spec.ts holds. */
import { dirname, join, normalize } from 'node:path';
import ts from 'typescript';
import { textOf } from '../../testing/repository-files.js';

export interface SourceFile {
  /** From the root of the repository, with `/`. */
  readonly path: string;
  /** See `roomOf`. */
  readonly room: string;
  readonly text: string;
  readonly lines: readonly string[];
  readonly ast: ts.SourceFile;
  readonly imports: readonly Import[];
  /** A spec, or something in `testing/`, `test/`, `bench/` or `scripts/`. */
  readonly isSupport: boolean;
}

export interface Import {
  readonly line: number;
  /** The specifier of a package; the path of one of our own files. */
  readonly from: string;
  readonly isOurs: boolean;
  /** Names as the other file exports them; `*` for all of them. */
  readonly names: readonly string[];
}

/** Serves specs and programs beside the product; the product never sees it. */
const isSupportPath = (path: string): boolean =>
  /\.spec\.ts$|(^|\/)testing\/|^(test|bench|scripts)\//.test(path);

/** A room is a top folder; in `http/` and `infra/`, the folder (or file) below it. */
export function roomOf(path: string): string {
  const [top = '', below = ''] = path.split('/');
  return top === 'http' || top === 'infra' ? `${top}/${below}` : top;
}

export function readSourceFile(path: string): SourceFile {
  const text = textOf(path);
  const ast = ts.createSourceFile(path, text, ts.ScriptTarget.ES2023, true);
  return {
    path,
    room: roomOf(path),
    text,
    lines: text.split('\n'),
    ast,
    imports: importsOf(path, ast),
    isSupport: isSupportPath(path),
  };
}

export function eachNode(node: ts.Node, visit: (node: ts.Node) => void): void {
  visit(node);
  ts.forEachChild(node, (child) => eachNode(child, visit));
}

export const lineOf = (ast: ts.SourceFile, position: number): number =>
  ast.getLineAndCharacterOfPosition(position).line + 1;

function importsOf(path: string, ast: ts.SourceFile): Import[] {
  const imports: Import[] = [];
  eachNode(ast, (node) => {
    const specifier = specifierOf(node);
    if (specifier === undefined) return;
    const isOurs = specifier.startsWith('.');
    const from = isOurs
      ? normalize(join(dirname(path), specifier)).replace(/\.js$/, '.ts')
      : specifier;
    imports.push({ line: lineOf(ast, node.getStart()), from, isOurs, names: namesOf(ast, node) });
  });
  return imports;
}

function specifierOf(node: ts.Node): string | undefined {
  if (ts.isImportDeclaration(node) || ts.isExportDeclaration(node))
    return node.moduleSpecifier && (node.moduleSpecifier as ts.StringLiteral).text;
  if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument))
    return (node.argument.literal as ts.StringLiteral).text;
  const isDynamic =
    ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword;
  const [argument] = isDynamic ? node.arguments : [];
  return argument && ts.isStringLiteral(argument) ? argument.text : undefined;
}

function namesOf(ast: ts.SourceFile, node: ts.Node): readonly string[] {
  if (ts.isImportTypeNode(node)) return node.qualifier ? [node.qualifier.getText()] : ['*'];
  if (ts.isExportDeclaration(node) && node.exportClause && ts.isNamedExports(node.exportClause))
    return node.exportClause.elements.map(({ propertyName, name }) => (propertyName ?? name).text);
  if (!ts.isImportDeclaration(node)) return ['*'];
  const names: string[] = [];
  const { importClause } = node;
  if (importClause?.name) names.push('default');
  const bindings = importClause?.namedBindings;
  if (bindings && ts.isNamedImports(bindings))
    for (const { propertyName, name } of bindings.elements) names.push((propertyName ?? name).text);
  if (bindings && ts.isNamespaceImport(bindings)) names.push(...usesOf(ast, bindings.name.text));
  return names;
}

/** What is taken from a namespace; all of it where it is handed on as a value. */
function usesOf(ast: ts.SourceFile, namespace: string): readonly string[] {
  const names: string[] = [];
  eachNode(ast, (node) => {
    if (!ts.isIdentifier(node) || node.text !== namespace) return;
    const { parent } = node;
    if (ts.isNamespaceImport(parent)) return;
    if (ts.isPropertyAccessExpression(parent) && parent.expression === node)
      names.push(parent.name.text);
    else if (ts.isQualifiedName(parent) && parent.left === node) names.push(parent.right.text);
    else if (!ts.isPropertyAccessExpression(parent)) names.push('*');
  });
  return names;
}

export interface ExportedName {
  readonly name: string;
  readonly line: number;
  readonly node: ts.Statement;
}

export function exportsOf({ ast }: SourceFile): readonly ExportedName[] {
  return ast.statements.flatMap((statement) => {
    const at = { line: lineOf(ast, statement.getStart()), node: statement };
    if (!ts.canHaveModifiers(statement)) return [];
    const isExported = ts
      .getModifiers(statement)
      ?.some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword);
    if (!isExported) return [];
    if (ts.isVariableStatement(statement))
      return statement.declarationList.declarations.map(({ name }) => ({
        name: name.getText(),
        ...at,
      }));
    const { name } = statement as ts.Statement & { readonly name?: ts.Identifier };
    return [{ name: name?.text ?? 'default', ...at }];
  });
}
