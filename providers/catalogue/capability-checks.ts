/** What a route declares that it can do, against the input schema of its model. */
import type { ModelEntry } from '../../contracts/catalogue/model-entry.js';
import { withDefaults } from '../../domain/pricing/defaults.js';
import { lacksOf } from '../../domain/routing/capabilities.js';
import { modelOf } from './model-of.js';

/** Contradictions by which no request would ever go to a route. */
export function capabilityProblems(place: string, slug: string, entry: ModelEntry): string[] {
  if (!entry.routes.some(({ capabilities }) => capabilities)) return [];
  const defaults = withDefaults(
    modelOf(slug, entry, () => undefined),
    {},
  );
  const { properties = {}, required = [] } = entry.input_schema as {
    readonly properties?: object;
    readonly required?: readonly string[];
  };
  return entry.routes.flatMap(({ capabilities = {} }, index) => {
    const at = `${place}.routes[${index}].capabilities`;
    const { without = [], ...others } = capabilities;
    const unknown = without.filter((field) => !Object.hasOwn(properties, field));
    const needed = without.filter(
      (field) => required.includes(field) || defaults[field] !== undefined,
    );
    return [
      ...unknown.map((field) => `${at}.without: '${field}' is no field of input_schema`),
      ...needed.map((field) => `${at}.without: every input has '${field}'`),
      ...lacksOf(others, defaults).map(
        ({ field }) => `${at}: does not allow what ${field} is by default`,
      ),
    ];
  });
}
