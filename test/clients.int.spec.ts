/** A typed client is one command away: what generators make of the document of the whole API. */
import { execFile } from 'node:child_process';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { expect } from 'chai';
import openapiTS, { astToString } from 'openapi-typescript';
import ts from 'typescript';
import { openApiDocument } from '../http/server/openapi/openapi.js';
import { wheelPrograms } from '../scripts/deploy-tools.js';
import { temporaryFolder, type TemporaryFolder } from '../testing/folders.js';
import { skip } from '../testing/skip.js';
import { allRoutes } from './testing/all-routes.js';

const run = promisify(execFile);
const GENERATOR = 'openapi-python-client==0.29.1';
/** It knows no type for lines of JSON, unless it is said what they are like. */
const LINES_AS_TEXT = { 'application/x-ndjson': 'text/plain' };

/** What its author would write: bodies and answers are typed, and wrong ones do not compile. */
const CLIENT = `
import type { components, operations, webhooks } from './modelroute.js';

type Submission = operations['submitExecution']['requestBody']['content']['application/json'];
type Accepted = operations['submitExecution']['responses']['202']['content']['application/json'];
type Execution = components['schemas']['Execution'];
type Refused = operations['submitExecution']['responses']['402']['content']['application/json'];
type Told = webhooks['execution.completed']['post']['requestBody']['content'];
type Completed = Told['application/json'];

export const submission: Submission = {
  model: 'text-generation-standard',
  input: { prompt: 'x' },
  metadata: { order: '4711' },
};
export const idOf = ({ id }: Accepted): string => id;
export const costOf = ({ cost }: Execution): string | null => cost;
export const codeOf = ({ error }: Refused): 'INSUFFICIENT_BALANCE' => error.code;
export const executionOf = ({ execution_id: id, data }: Completed): [string, Execution] => [
  id,
  data,
];

// @ts-expect-error a model is required
export const nameless: Submission = { input: {} };
// @ts-expect-error a status of ours
export const odd: Execution['status'] = 'DONE';
`;

describe('typed clients of the whole API', function () {
  this.timeout(120_000);
  const document = openApiDocument(allRoutes(), 'http://localhost:8080');
  let folder: TemporaryFolder;
  before(async () => {
    folder = await temporaryFolder();
  });
  after(() => folder.remove());

  it('openapi-typescript: its types hold what we promise', async () => {
    const types = await openapiTS(document as unknown as Parameters<typeof openapiTS>[0]);
    await writeFile(join(folder.dir, 'modelroute.d.ts'), astToString(types));
    const client = join(folder.dir, 'client.ts');
    await writeFile(client, CLIENT);
    const program = ts.createProgram([client], {
      strict: true,
      noEmit: true,
      types: [],
      module: ts.ModuleKind.NodeNext,
      moduleResolution: ts.ModuleResolutionKind.NodeNext,
    });
    const found = ts.getPreEmitDiagnostics(program).map(({ messageText, start }) => {
      const text = ts.flattenDiagnosticMessageText(messageText, ' ');
      return `${CLIENT.slice(0, start).split('\n').length}: ${text}`;
    });
    expect(found).to.deep.equal([]);
  });

  it('openapi-python-client: its package is imported, with every operation', async function () {
    const tool = await wheelPrograms([GENERATOR]);
    if ('missing' in tool) return skip(this, tool.missing);
    const source = join(folder.dir, 'openapi.json');
    await writeFile(source, JSON.stringify(document));
    const out = join(folder.dir, 'python');
    await mkdir(out);
    const program = join(tool.path, 'openapi-python-client');
    const config = join(folder.dir, 'openapi-python-client.json');
    await writeFile(config, JSON.stringify({ content_type_overrides: LINES_AS_TEXT }));
    const args = ['generate', '--config', config, '--path', source];
    args.push('--output-path', join(out, 'client'));
    // It calls the formatter that is installed beside it by its name alone.
    const env = { ...process.env, PATH: [tool.path, process.env['PATH']].join(delimiter) };
    const { stdout, stderr } = await run(program, args, { cwd: out, env });
    expect(`${stdout}${stderr}`).not.to.match(/warning|unable to|error\(s\)/i);
    const operations = Object.values(document.paths).flatMap((methods) =>
      Object.values(methods).map(({ operationId }) => snakeCase(operationId)),
    );
    const script = [
      'import pkgutil, importlib, model_route_client.api as api',
      'names = [m.name for m in pkgutil.walk_packages(api.__path__, api.__name__ + ".")]',
      '[importlib.import_module(name) for name in names]',
      'print("\\n".join(name.rsplit(".", 1)[1] for name in names))',
    ].join('\n');
    const python = join(tool.path, 'python');
    const imported = await run(python, ['-c', script], { cwd: join(out, 'client') });
    expect(imported.stdout.split('\n')).to.include.members(operations);
    const named = await readFile(join(out, 'client', 'pyproject.toml'), 'utf8');
    expect(named).to.contain('name = "model-route-client"');
  });
});

const snakeCase = (name: string): string =>
  name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
