/** The files of the page at `/`: modules and style of `app/`, and what they need of npm packages. Nothing comes from elsewhere. */
import { createHash } from "node:crypto";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Held, held } from "../held.ts";

const require = createRequire(import.meta.url);

/** A file of a package, beside the one that its name resolves to where it is another. */
const packaged = (name: string, beside?: string) =>
  held(() => {
    const main = require.resolve(name);
    return Deno.readFile(beside === undefined ? main : join(dirname(main), beside));
  });

const APP = fileURLToPath(new URL("app", import.meta.url));

const SCRIPT = "text/javascript; charset=utf-8";

/** Media types by the ending of a file of our own. */
const TYPES: Readonly<Record<string, string>> = {
  js: SCRIPT,
  css: "text/css; charset=utf-8",
  svg: "image/svg+xml",
};

/** A file: its media type, and how it is read. */
type PageFile = readonly [type: string, read: () => Promise<Held>];

/** Of packages, by the name that the page has for them. */
const PACKAGED: Readonly<Record<string, PageFile>> = {
  "preact.js": [SCRIPT, packaged("preact")],
  "hooks.js": [SCRIPT, packaged("preact/hooks")],
  "htm.js": [SCRIPT, packaged("htm", "htm.module.js")],
  "3dmol.js": [SCRIPT, packaged("3dmol/build/3Dmol.es6-min.js")],
  "rdkit.js": [SCRIPT, packaged("@rdkit/rdkit", "RDKit_minimal.js")],
  "rdkit.wasm": ["application/wasm", packaged("@rdkit/rdkit", "RDKit_minimal.wasm")],
};

/** What bare names in the page's modules stand for. */
export const MODULES: Readonly<Record<string, string>> = {
  "preact": "preact.js",
  "preact/hooks": "hooks.js",
  "htm": "htm.js",
  "3dmol": "3dmol.js",
};

/** The page's own, as they lie in `app/`. */
const OWN: Readonly<Record<string, PageFile>> = Object.fromEntries(
  [...Deno.readDirSync(APP)].filter(({ name }) => /\.(js|css|svg)$/.test(name)).map(({ name }) => name).sort().map((
    name,
  ) => [name, [TYPES[name.split(".").at(-1)!], held(() => Deno.readFile(join(APP, name)))]]),
);

/** Every file by its name. */
export const FILES: Readonly<Record<string, PageFile>> = { ...OWN, ...PACKAGED };

let digest: Promise<string> | undefined;

/** Names the content of all files together: the folder that the page loads them from, so that a browser may keep them for good. */
export const filesVersion = (): Promise<string> =>
  digest ??= Promise.all(Object.entries(FILES).map(async ([name, [, read]]) => `${name} ${(await read()).tag}`))
    .then((lines) => createHash("sha256").update(lines.join("\n")).digest("base64url").slice(0, 16))
    .catch((error) => {
      digest = undefined;
      throw error;
    });

/** Modules that the page loads at once: what `app.js` imports, and what these do; 3Dmol and RDKit follow when a molecule is drawn. */
export async function firstModules(): Promise<string[]> {
  const found = new Set<string>(),
    look = async (name: string): Promise<void> => {
      if (found.has(name)) return;
      found.add(name);
      if (!Object.hasOwn(OWN, name)) return;
      const text = new TextDecoder().decode((await FILES[name][1]()).bytes);
      for (const [, from] of text.matchAll(/^(?:import|export)\s[^;]*?from\s+"([^"]+)";$/gm)) {
        await look(from.startsWith("./") ? from.slice(2) : MODULES[from]);
      }
    };
  await look("app.js");
  return [...found];
}
