/**
 * The reference for people: Redoc over `/openapi.json`, served from here. It loads nothing from
 * another host, and its policy lets it reach none: Redoc's own mark is shown without its picture.
 */
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { Router } from 'express';
import type { Pages } from '../pages.js';

const BUNDLE = 'redoc.standalone.js';

const policy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'unsafe-inline'",
  "connect-src 'self'",
  'img-src data:',
  'worker-src blob:',
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

const html = `<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>ModelRoute API reference</title><style>body{margin:0}</style></head><body>
<redoc spec-url="/openapi.json" hide-download-button="false"></redoc>
<script src="/docs/${BUNDLE}"></script></body></html>
`;

export function referencePages(): Pages {
  const paths = ['/docs', `/docs/${BUNDLE}`] as const;
  const router = Router({ caseSensitive: true, strict: true });
  router.get('/docs', (_request, response) => {
    response
      .set({
        'content-type': 'text/html; charset=utf-8',
        'content-security-policy': policy,
        'x-content-type-options': 'nosniff',
        'cache-control': 'no-cache',
      })
      .end(html);
  });
  router.get(`/docs/${BUNDLE}`, (_request, response) => {
    response.set('x-content-type-options', 'nosniff').sendFile(bundlePath(), { maxAge: '1h' });
  });
  return { paths, router };
}

/** The build puts the bundle beside this file; without a build it is where npm installed it. */
function bundlePath(): string {
  const built = fileURLToPath(new URL(BUNDLE, import.meta.url));
  if (existsSync(built)) return built;
  return createRequire(import.meta.url).resolve(`redoc/bundles/${BUNDLE}`);
}
