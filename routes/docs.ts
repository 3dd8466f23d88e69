/**
 * GET /docs: the OpenAPI document as a page on which requests can be tried, by Swagger UI. All of it is served from here, so it works without a network.
 * (Scalar's page is of 283 packages and 316 MB, where this is of two and 13 MB.)
 */
import { createRequire } from "node:module";
import { z } from "zod";
import { endpoint } from "./endpoint.ts";
import { type Held, held, sendHeld } from "./held.ts";
import { problems } from "./problem.ts";
import { UNCHANGED, unchanged } from "./unchanged.ts";

/** Where the page begins. `StandaloneLayout`, with its bar for other documents, is left out. */
const START = `SwaggerUIBundle({
  url: "openapi.json",
  dom_id: "#page",
  deepLinking: true,
  displayRequestDuration: true,
  tryItOutEnabled: true,
  validatorUrl: null,
});
`;

const PAGE = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Molstep: HTTP reference</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="docs/swagger-ui.css">
</head>
<body>
<div id="page"></div>
<noscript>This page needs JavaScript; the document itself is <a href="openapi.json">openapi.json</a>.</noscript>
<script src="docs/swagger-ui-bundle.js"></script>
<script src="docs/start.js"></script>
</body>
</html>
`;

/** What the page may load and do: what is served here, and styles and pictures (`data:`) that Swagger UI makes itself. */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");

/** GET /docs */
export const docs = endpoint(
  {
    method: "get",
    path: "/docs",
    hide: true,
    scopes: [],
    middleware: unchanged,
    responses: { 200: { description: "The reference page" }, ...UNCHANGED },
  },
  () => (c) =>
    c.html(PAGE, 200, {
      "Cache-Control": "no-cache",
      "Content-Security-Policy": POLICY,
      "Referrer-Policy": "no-referrer",
    }),
);

const require = createRequire(import.meta.url);

/** A file of the package. */
const packaged = (name: string) => held(() => Deno.readFile(require.resolve(`swagger-ui-dist/${name}`)));

/** The files of the page: their media type, and how they are read. */
const FILES: Readonly<Record<string, readonly [type: string, read: () => Promise<Held>]>> = {
  "start.js": ["text/javascript", held(() => new TextEncoder().encode(START))],
  "swagger-ui-bundle.js": ["text/javascript", packaged("swagger-ui-bundle.js")],
  "swagger-ui.css": ["text/css", packaged("swagger-ui.css")],
};

/** GET /docs/{file} */
export const docsFile = endpoint(
  {
    method: "get",
    path: "/docs/{file}",
    hide: true,
    scopes: [],
    middleware: unchanged,
    request: { params: z.object({ file: z.string() }) },
    responses: {
      200: { description: "A file of the reference page" },
      ...UNCHANGED,
      ...problems({ 404: "No such file" }),
    },
  },
  () => async (c) => {
    const name = c.req.valid("param").file;
    if (!Object.hasOwn(FILES, name)) return c.notFound();
    const [type, read] = FILES[name];
    return sendHeld(c, await read(), `${type}; charset=utf-8`, { "Cache-Control": "public, max-age=86400" });
  },
);
