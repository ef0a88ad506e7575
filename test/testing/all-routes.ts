/** Every route of the API, of which a spec uses the schemas; nothing behind them is opened. */
import { commandRoutes } from '../../command-api/app.js';
import type { Route } from '../../http/server/route.js';
import { configFrom } from '../../infra/config/config.js';
import { queryRoutes } from '../../query-api/app.js';
import type { Infra } from '../../runtime/infra.js';

export function allRoutes(): readonly Route[] {
  const infra = { config: configFrom({}) } as Infra;
  return [...commandRoutes(infra), ...queryRoutes(infra)];
}
