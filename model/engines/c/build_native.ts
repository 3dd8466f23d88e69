/**
 * `deno task build:native`: builds the native engine for levels of processors, so that machines of these need no compiler.
 */
import { parseArgs } from "node:util";
import { LEVELS } from "./native_levels.ts";
import { buildLevel, libraryFolder } from "./native_library.ts";

const HELP = `deno task build:native [options]

  --levels NAMES   levels of processors, set apart by commas, of ${LEVELS.map(({ name }) => name).join(", ")}
                   (default: all of this architecture that are faster than the engine in WebAssembly)
  --out FOLDER     where to put the libraries (default: ./.native, where the engine looks for them)`;

if (import.meta.main) {
  const option = { type: "string" } as const;
  const { values } = parseArgs({
    args: Deno.args,
    options: { levels: option, out: option, help: { type: "boolean" } },
  });
  if (values.help) console.log(HELP);
  else {
    const folder = values.out ?? libraryFolder(), names = values.levels?.split(",").map((name) => name.trim());
    const unknown = names?.filter((name) => !LEVELS.some((level) => level.name === name)) ?? [];
    if (unknown.length > 0) {
      throw new RangeError(
        `--levels must be of ${LEVELS.map(({ name }) => name).join(", ")}; got ${unknown.join(", ")}`,
      );
    }
    const levels = LEVELS.filter(({ name, arch, slow }) =>
      names?.includes(name) ?? (arch === Deno.build.arch && !slow)
    );
    for (const path of levels.map((level) => buildLevel(level, folder))) {
      console.log(`${path}: ${Deno.statSync(path).size} bytes`);
    }
  }
}
