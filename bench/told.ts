/** How results tell of files and commands: by paths within the repository, and never by where things lie on a machine. */
import { createHash } from "node:crypto";
import { isAbsolute, relative, resolve, sep } from "node:path";
import { ROOT } from "../model/service/permissions.ts";

/** A path as seen from the repository's root; undefined of one that leads out of it. */
function within(path: string): string | undefined {
  const down = relative(ROOT, resolve(path));
  return isAbsolute(down) || down.split(sep)[0] === ".." ? undefined : down.replaceAll(sep, "/") || ".";
}

/** A value of a command line, or several set apart by commas, with paths as {@link within} has them, and `PATH` for those that lead out. */
const toldValue = (value: string): string =>
  value.split(",").map((word) => word.includes("/") ? within(word) ?? "PATH" : word).join();

/** JSON whose strings are as {@link toldValue} has them; undefined of a word that is neither an object nor a list. */
function toldJson(value: string): string | undefined {
  if (!/^\s*[[{]/.test(value)) return undefined;
  try {
    return JSON.stringify(JSON.parse(value, (_, part) => typeof part === "string" ? toldValue(part) : part));
  } catch {
    return undefined;
  }
}

/** A word as a shell reads it: in quotes where it has more than letters, digits and what paths and lists are made of. */
const quoted = (word: string): string =>
  word === "" || /[^\w%+,./:=@-]/.test(word) ? `'${word.replaceAll("'", "'\\''")}'` : word;

/** A command line as results keep it, which a shell takes as it stands: without `--out`, where they go, and without paths of this machine. */
export function toldCommand(task: string, args: readonly string[]): string {
  const kept = args.filter((arg, k) => arg !== "--out" && !arg.startsWith("--out=") && args[k - 1] !== "--out");
  const words = kept.map((arg) => {
    const [, name = "", value] = /^(--[\w-]+=)?(.*)$/s.exec(arg)!;
    return name + quoted(toldJson(value) ?? toldValue(value));
  });
  return [`deno task ${task}`, ...words].join(" ");
}

/**
 * A model as results name it: its folder within the repository, or, where that lies elsewhere, its name and how its network's SHA-256 begins.
 *
 * @param network bytes of the network's file
 */
export const toldModel = (folder: string, { name }: { readonly name: string }, network: Uint8Array): string =>
  within(folder) ?? `${name} ${createHash("sha256").update(network).digest("hex").slice(0, 12)}`;
