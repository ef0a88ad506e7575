/**
 * Where an execution may go: the routes that promise what its caller requires, and of those the
 * ones that can do what its input asks for. Nothing else decides it: neither health nor price.
 */
import type { Promises } from '../../contracts/catalogue/capabilities.js';
import type { Model, Route } from '../../contracts/catalogue/catalogue.js';
import type { ErrorDetail } from '../../contracts/error-codes.js';
import { firstLack, lacksOf, unsupportedWishes } from './capabilities.js';
import { keepsAll } from './requirements.js';

type Input = Readonly<Record<string, unknown>>;

/** `details`: why there is none. */
type Permitted = { readonly routes: readonly Route[] } | { readonly details: ErrorDetail[] };

/** The input has its defaults. */
export function permittedRoutes(
  { routes }: Pick<Model, 'routes'>,
  input: Input,
  require?: Promises,
): Permitted {
  const promising = require ? routes.filter(({ promises }) => keepsAll(promises, require)) : routes;
  if (require && promising.length === 0) return { details: unkept(routes, require) };
  if (!promising.some(({ capabilities }) => capabilities)) return { routes: promising };
  const lacking = promising.map(({ capabilities = {} }) => lacksOf(capabilities, input));
  const able = promising.filter((_, index) => lacking[index]?.length === 0);
  return able.length > 0 ? { routes: able } : { details: unsupportedWishes(lacking) };
}

/** Why the route is none of them. The input is absent where no route of the model needs it. */
export function forbiddenBy(
  { promises, capabilities }: Route,
  require: Promises | undefined,
  input: Input | undefined,
): { readonly skipped: 'require' } | { readonly skipped: 'capability'; lacks: string } | undefined {
  if (require && !keepsAll(promises, require)) return { skipped: 'require' };
  const lacks = capabilities && input && firstLack(capabilities, input);
  return lacks === undefined ? undefined : { skipped: 'capability', lacks };
}

/** The fields that no route promises; all of them where only together they are too much. */
function unkept(routes: readonly Route[], require: Promises): ErrorDetail[] {
  const fields = Object.keys(require) as (keyof Promises)[];
  const alone = fields.filter(
    (field) => !routes.some(({ promises }) => keepsAll(promises, { [field]: require[field] })),
  );
  return (alone.length > 0 ? alone : fields).map((field) => ({
    field: `require.${field}`,
    code: 'unsupported',
    message: 'is promised by no provider of this model',
  }));
}
