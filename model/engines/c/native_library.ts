/**
 * The native engine: `src/engine.c` compiled for a level of processors and called through Deno's FFI. A level is built when it is asked for, by the
 * machine's own C compiler, or before (`build_native.ts`), for machines without one.
 */
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { hardware } from "../hardware.ts";
import { withoutLoaderVariables } from "../loader_variables.ts";
import { lackingOf, type Level, LEVELS, levelsOf, type Processor, readProcessor } from "./native_levels.ts";
import { SYMBOLS } from "./native_symbols.ts";

/** The library's functions. */
export type NativeLibrary = Deno.DynamicLibrary<typeof SYMBOLS>;

const SOURCE = fileURLToPath(new URL("./src/", import.meta.url));
const FLAGS = ["-O3", "-ffast-math", "-fno-finite-math-only", "-shared", "-fPIC"];
const SUFFIX = Deno.build.os === "darwin" ? "dylib" : "so";

/** Compilers that are tried, in order. */
export const COMPILERS = ["cc", "gcc", "clang"] as const;

/** Where libraries are kept. */
export function libraryFolder(): string {
  return fileURLToPath(new URL("../../../.native/", import.meta.url));
}

/** A library that is there. */
export interface NativeBuild {
  readonly path: string;
  /** What it was built for, in words, and which better ones were refused. */
  readonly built: string;
}

/** What a folder has for a processor: a library, or why it has none. */
export type Search = NativeBuild | { readonly path?: undefined; readonly lacks: string };

/** A name in a folder that changes with the sources and flags: 16 hexadecimal digits of their SHA-256. */
function pathOf(folder: string, name: string, flags: readonly string[]): string {
  const hash = createHash("sha256").update([...FLAGS, ...flags, Deno.build.arch].join(" "));
  for (const file of readdirSync(SOURCE).sort()) hash.update(readFileSync(join(SOURCE, file)));
  return join(folder, `${name}-${hash.digest("hex").slice(0, 16)}.${SUFFIX}`);
}

const levelPath = (folder: string, { name, flags }: Level) => pathOf(folder, `engine-${name}`, flags);

/** This machine's processor, as far as this process knows it. */
const thisProcessor = (): Processor => readProcessor(hardware().processor);

/** The names of levels that a folder has libraries of, from whatever sources. */
const levelsIn = (folder: string): (string | undefined)[] =>
  existsSync(folder) ? readdirSync(folder).map((file) => /^engine-(.+)-[0-9a-f]{16}\.\w+$/.exec(file)?.[1]) : [];

/** The library that a folder has for the best level of the processor. One of other sources is refused. Nothing is compiled. */
export function findNativeLibrary(folder = libraryFolder(), processor = thisProcessor()): Search {
  const names = levelsIn(folder), fit = levelsOf(processor), refused: string[] = [];
  for (const level of fit.filter(({ name }) => names.includes(name))) {
    const path = levelPath(folder, level);
    if (!existsSync(path)) refused.push(`${level.name}: it was built from other sources`);
    else return { path, built: `built for ${level.name}${refused.length ? ` (not ${refused.join("; not ")})` : ""}` };
  }
  const unfit = LEVELS.filter((level) => names.includes(level.name) && !fit.includes(level)).map((level) => {
    const lacking = processor.has.size === 0 ? [] : lackingOf(level, processor);
    return `${level.name}: ${
      lacking.length ? `this processor lacks ${lacking.join(", ")}` : "nothing is known of this processor"
    }`;
  });
  const none = "it is not compiled; --backend native does so", passed = [...refused, ...unfit.reverse()].join("; ");
  return { lacks: passed ? `${none} (${passed})` : none };
}

/**
 * Builds the library of a level, on whatever processor of its architecture, where it is not there.
 *
 * @returns its path
 * @throws RangeError where the level is of another architecture; Error where no compiler can: the message says what each of them answered
 */
export function buildLevel(level: Level, folder = libraryFolder()): string {
  if (level.arch !== Deno.build.arch) {
    throw new RangeError(`level ${level.name} must be built on ${level.arch}; this machine is ${Deno.build.arch}`);
  }
  const path = levelPath(folder, level);
  if (existsSync(path)) return path;
  const answers: string[] = [];
  for (const compiler of COMPILERS) {
    const partial = `${path}.${Deno.pid}.partial`;
    try {
      mkdirSync(dirname(path), { recursive: true });
      const { success, stderr } = new Deno.Command(compiler, {
        args: [...FLAGS, ...level.flags, "-o", partial, join(SOURCE, "engine.c"), "-lpthread", "-lm"],
        env: withoutLoaderVariables(),
        stdout: "null",
        stderr: "piped",
      }).outputSync();
      if (success) {
        renameSync(partial, path);
        return path;
      }
      answers.push(`${compiler}: ${new TextDecoder().decode(stderr).trim().slice(0, 500)}`);
    } catch (error) {
      answers.push(`${compiler}: ${error instanceof Error ? error.message : error}`);
    } finally {
      rmSync(partial, { force: true });
    }
  }
  throw new Error(`the native engine needs a C compiler (one of ${COMPILERS.join(", ")}). ${answers.join("; ")}`);
}

/**
 * Finds the library as {@link findNativeLibrary} does, or compiles it for the best level that processor and compiler know.
 *
 * @throws Error where no compiler works; the message says what each of them answered, and why libraries that are there will not do
 */
export function buildNativeLibrary(folder = libraryFolder(), processor = thisProcessor()): NativeBuild {
  const found = findNativeLibrary(folder, processor), answers: string[] = [];
  if (found.path !== undefined) return found;
  for (const level of levelsOf(processor)) {
    try {
      return { path: buildLevel(level, folder), built: `built for ${level.name}` };
    } catch (error) {
      answers.push((error as Error).message);
    }
  }
  throw new Error(`${answers[0]}; ${found.lacks}`);
}

/** Opens the library; close it with `close()`. */
export function openNativeLibrary(path = buildNativeLibrary().path): NativeLibrary {
  return Deno.dlopen(path, SYMBOLS);
}
