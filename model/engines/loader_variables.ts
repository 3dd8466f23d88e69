/** Variables of the dynamic loader (`LD_LIBRARY_PATH` and its like), which Deno lets only those hand on who may start every program. */

/** Their names, as `--allow-env` takes them. */
export const LOADER_VARIABLES: readonly string[] = ["LD_*", "DYLD_*"];

/** What to add to the environment of a process that is started, so that it may be: those that are set, emptied, where this process may not hand them on. */
export function withoutLoaderVariables(): Record<string, string> {
  if (Deno.permissions.querySync({ name: "run" }).state === "granted") return {};
  try {
    return Object.fromEntries(
      Object.keys(Deno.env.toObject()).filter((name) => /^(LD|DYLD)_/.test(name)).map((name) => [name, ""]),
    );
  } catch {
    return {}; // nobody may know; then Deno says what is wrong
  }
}
