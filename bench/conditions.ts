/** Under which conditions results were had: machine, versions, commit, date. */
import { loadavg } from "node:os";
import { fileURLToPath } from "node:url";
import { type Machine, thisMachine } from "../model/diffusion/machine.ts";
import { VERSION } from "../model/models/version.ts";

/** What is noted beside results. */
export interface Conditions {
  readonly date: string;
  /** The commit checked out, with `+changes` where files differ from it; null outside a git checkout. */
  readonly commit: string | null;
  readonly machine: Machine;
  /** Runnable processes over the last minute when the run began: well above 0 tells of a machine that was not idle. */
  readonly load: number;
  readonly versions: Readonly<Record<string, string>>;
}

const root = fileURLToPath(new URL("..", import.meta.url));

/** What git says; null where there is no git, or no repository. */
async function git(...args: string[]): Promise<string | null> {
  try {
    const { success, stdout } = await new Deno.Command("git", { args, cwd: root, stderr: "null" }).output();
    return success ? new TextDecoder().decode(stdout).trim() : null;
  } catch {
    return null;
  }
}

/** Exact versions of the packages that deno.json names. */
async function packages(): Promise<Record<string, string>> {
  const { imports } = JSON.parse(await Deno.readTextFile(new URL("../deno.json", import.meta.url)));
  return Object.fromEntries(
    Object.entries(imports as Record<string, string>).map(([name, target]) => [name, target.split("@").at(-1)!]),
  );
}

/** The conditions of this moment. */
export async function conditions(): Promise<Conditions> {
  const commit = await git("rev-parse", "HEAD"), changes = await git("status", "--porcelain", "--untracked-files=no");
  return {
    date: new Date().toISOString(),
    commit: commit && (changes ? `${commit}+changes` : commit),
    machine: thisMachine(),
    load: loadavg()[0],
    versions: {
      molstep: VERSION,
      deno: Deno.version.deno,
      v8: Deno.version.v8,
      typescript: Deno.version.typescript,
      ...await packages(),
    },
  };
}
