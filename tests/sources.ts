/** The program's own sources, and what each of them imports. */
import { dirname, join, normalize, relative } from "node:path";
import { fileURLToPath } from "node:url";

export const ROOT = fileURLToPath(new URL("..", import.meta.url));

async function* sources(folder: string): AsyncGenerator<string> {
  for await (const entry of Deno.readDir(folder)) {
    const path = join(folder, entry.name);
    if (entry.isDirectory) yield* sources(path);
    else if (entry.name.endsWith(".ts")) yield path;
  }
}

/** What a source imports, by static, dynamic or re-exporting means. */
function imports(text: string): string[] {
  const code = text.replace(/\/\*[^]*?\*\/|^\s*\/\/.*$/gm, "");
  return [...code.matchAll(/(?:\bfrom\s*|\bimport\s*\(?\s*)"([^"]+)"/g)].map(([, name]) => name);
}

/** Sources of a folder at the root, of `main` with main.ts, and the paths that each imports; all relative to the root. */
export async function importsOf(folder: string): Promise<[string, string[]][]> {
  const files = await Array.fromAsync(sources(join(ROOT, folder)));
  if (folder === "main") files.push(join(ROOT, "main.ts"));
  return await Promise.all(files.map(async (file): Promise<[string, string[]]> => {
    const names = imports(await Deno.readTextFile(file));
    return [
      relative(ROOT, file),
      names.map((name) => name.startsWith(".") ? relative(ROOT, normalize(join(dirname(file), name))) : name),
    ];
  }));
}
