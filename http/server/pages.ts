/** Express: the pages beside the API, and the refusal of paths that nothing answers. */
import express, {
  type Express,
  type Request,
  type RequestHandler,
  type Response,
  type Router,
} from 'express';
import type { Metrics } from '../../infra/metrics.js';
import type { Pipeline } from './pipeline.js';
import type { Mount } from './route.js';

interface PagesOptions {
  readonly pipeline: Pipeline;
  readonly metrics: Pick<Metrics, 'httpSeconds'>;
}

/** What a router answers by GET, and where. */
export interface Pages {
  readonly paths: readonly string[];
  readonly router: Router;
}

export function pagesApp(pages: readonly Pages[], { pipeline, metrics }: PagesOptions): Express {
  const app = express();
  app.set('env', 'production');
  app.set('query parser', false);
  app.disable('x-powered-by');
  app.enable('case sensitive routing');
  app.enable('strict routing');
  for (const { router } of pages) app.use(observed(router, metrics));
  app.use((request: Request, response: Response) =>
    pipeline.answerUnmatched(request, response, []),
  );
  app.use((error: { status?: number }, request: Request, response: Response, _next: unknown) => {
    // Express refuses what names no page: a path that it cannot decode, a file that is not there.
    const namesNothing = (error.status ?? 500) < 500;
    if (response.headersSent) response.destroy();
    else if (namesNothing) void pipeline.answerUnmatched(request, response, []);
    else void pipeline.answer(failing(error), request, response, { params: {} });
  });
  return app;
}

/** All pages share one label. */
const PAGE = 'page';

const observed =
  (router: Router, metrics: PagesOptions['metrics']): RequestHandler =>
  (request, response, next) => {
    const startedMs = performance.now();
    const observe = () => {
      const { statusCode: status } = response;
      metrics.httpSeconds.observe({ route: PAGE, status }, (performance.now() - startedMs) / 1000);
    };
    response.once('finish', observe);
    router(request, response, (error: unknown) => {
      response.off('finish', observe);
      next(error);
    });
  };

const failing = (error: unknown): Mount => ({
  path: PAGE,
  async handle() {
    throw error;
  },
});
