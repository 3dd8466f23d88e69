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

/** A command line as results keep it: without `--out`, where they go, and without paths of this machine. */
export function toldCommand(task: string, args: readonly string[]): string {
  const kept = args.filter((arg, k) => arg !== "--out" && !arg.startsWith("--out=") && args[k - 1] !== "--out");
  const words = kept.map((arg) => {
    const [, name = "", value] = /^(--[\w-]+=)?(.*)$/s.exec(arg)!;
    return name + toldValue(value);
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
