/** The page at `/`, for browsers: molecules as they are drawn, the models' quality, jobs. docs/page.md. */
import { createHash } from "node:crypto";
import type { Context } from "hono";
import { z } from "zod";
import { endpoint } from "../endpoint.ts";
import { held, sendHeld } from "../held.ts";
import { problems } from "../problem.ts";
import { UNCHANGED, unchanged } from "../unchanged.ts";
import { FILES, filesVersion, firstModules, MODULES } from "./files.ts";

const sha256 = (text: string) => `'sha256-${createHash("sha256").update(text).digest("base64")}'`;

/** Which file each bare name in the modules is. */
const importMap = (folder: string) =>
  JSON.stringify({
    imports: Object.fromEntries(Object.entries(MODULES).map(([name, file]) => [name, `./${folder}/${file}`])),
  });

const html = (folder: string, map: string, modules: readonly string[]) =>
  `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="description" content="3D molecules in few steps">
<title>Molstep</title>
<link rel="icon" href="${folder}/icon.svg" type="image/svg+xml">
<link rel="stylesheet" href="${folder}/app.css">
<script type="importmap">${map}</script>
${modules.map((name) => `<link rel="modulepreload" href="${folder}/${name}">`).join("\n")}
<script type="module" src="${folder}/app.js"></script>
</head>
<body>
<div id="page"></div>
<noscript>This page needs JavaScript. The service without it: <a href="docs">its HTTP reference</a>.</noscript>
</body>
</html>
`;

/**
 * What the page may load and do: its own files, with one inline script, the import map, by its digest; pictures that it makes itself; requests to this service.
 * Text becomes script nowhere (Trusted Types), but for the address of the worker that draws structures.
 */
const policy = (map: string) =>
  [
    "default-src 'none'",
    `script-src 'self' ${sha256(map)}`,
    "style-src 'self'",
    "img-src 'self' data: blob:",
    "connect-src 'self'",
    "worker-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
    "trusted-types molstep",
  ].join("; ");

/** RDKit.js makes functions of text, which the page may not: it is in a worker of its own, which may do that and load its two files, and no more. */
const WORKER_POLICY = "default-src 'none'; script-src 'self' 'unsafe-eval'; connect-src 'self'";

const PRIVATE = { "Referrer-Policy": "no-referrer", "Cross-Origin-Opener-Policy": "same-origin" };

const made = async () => {
  const folder = `page/${await filesVersion()}`, map = importMap(folder), modules = await firstModules();
  return { policy: policy(map), file: held(() => new TextEncoder().encode(html(folder, map, modules))) };
};

let page: ReturnType<typeof made> | undefined;

/** Answers with the page. */
export async function sendPage(c: Context): Promise<Response> {
  const { policy, file } = await (page ??= made().catch((error) => {
    page = undefined;
    throw error;
  }));
  const headers = { "Cache-Control": "no-cache", "Content-Security-Policy": policy, ...PRIVATE };
  return sendHeld(c, await file(), "text/html; charset=utf-8", headers);
}

/** GET /page/{version}/{file} */
export const pageFile = endpoint(
  {
    method: "get",
    path: "/page/{version}/{file}",
    hide: true,
    scopes: [],
    middleware: unchanged,
    request: { params: z.object({ version: z.string(), file: z.string() }) },
    responses: { 200: { description: "A file of the page" }, ...UNCHANGED, ...problems({ 404: "No such file" }) },
  },
  () => async (c) => {
    const { version, file } = c.req.valid("param");
    if (!Object.hasOwn(FILES, file)) return c.notFound();
    // The largest file is compressed by the time that a molecule asks for it.
    if (file === "app.js") FILES["rdkit.wasm"][1]().then((wasm) => wasm.gzipped()).catch(() => {});
    const [type, read] = FILES[file], current = version === await filesVersion();
    return sendHeld(c, await read(), type, {
      // A page of another version, open since before an update, gets what there is, and keeps none of it.
      "Cache-Control": current ? "public, max-age=31536000, immutable" : "no-cache",
      "Cross-Origin-Resource-Policy": "same-origin",
      ...(file === "depict_worker.js" && { "Content-Security-Policy": WORKER_POLICY }),
    });
  },
);
