/**
 * The native engine: `src/engine.c` compiled for a level of processors and called through Deno's FFI. A level is built when it is asked for, by the
 * machine's own C compiler, or before (`build_native.ts`), for machines without one.
 */
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { lackingOf, type Level, LEVELS, levelsOf, type Processor } from "./native_levels.ts";
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

/** Where the library lies that says what the processor has. */
const processorPath = (folder: string) => pathOf(folder, "processor", []);

/** Levels of this architecture that a folder has libraries of, from whatever sources; the best first. */
function levelsIn(folder: string): Level[] {
  const names = readdirSync(folder).map((file) => /^engine-(.+)-[0-9a-f]{16}\.\w+$/.exec(file)?.[1]);
  return LEVELS.filter(({ name, arch }) => arch === Deno.build.arch && names.includes(name)).reverse();
}

/** What this machine's processor has: `src/processor.c` asks it, as under Deno's permissions nobody may read /proc/cpuinfo. */
function askProcessor(path: string): Processor {
  const library = Deno.dlopen(path, { molstep_processor: { parameters: ["i32"], result: "pointer" } }), has = [];
  try {
    for (let index = 0;; index++) {
      const at = library.symbols.molstep_processor(index);
      if (at === null) return { arch: Deno.build.arch, has: new Set(has) };
      has.push(Deno.UnsafePointerView.getCString(at));
    }
  } finally {
    library.close();
  }
}

/**
 * The library that a folder has for the best level of the processor. One of other sources is refused. Nothing is compiled.
 *
 * @param processor this machine's where absent
 * @throws Error where the library that asks the processor cannot be opened
 */
export function findNativeLibrary(folder = libraryFolder(), processor?: Processor): Search {
  const none = "it is not compiled; --backend native does so";
  if (!existsSync(folder)) return { lacks: none };
  const levels = levelsIn(folder), asks = processorPath(folder), unfit: string[] = [], refused: string[] = [];
  const known = processor ?? (existsSync(asks) ? askProcessor(asks) : undefined);
  for (const level of levels) {
    const lacking = known && lackingOf(level, known), path = levelPath(folder, level);
    if (!lacking || !existsSync(path)) refused.push(`${level.name}: it was built from other sources`);
    else if (lacking.length > 0) unfit.push(`${level.name}: this processor lacks ${lacking.join(", ")}`);
    else return { path, built: `built for ${level.name}${refused.length ? ` (not ${refused.join("; not ")})` : ""}` };
  }
  const passed = [...refused, ...unfit].join("; ");
  return { lacks: passed ? `${none} (${passed})` : none };
}

/** Compiles a source file. Throws Error where no compiler can; the message says what each of them answered. */
function compile(source: string, flags: readonly string[], path: string): string {
  if (existsSync(path)) return path;
  const answers: string[] = [];
  for (const compiler of COMPILERS) {
    const partial = `${path}.${Deno.pid}.partial`;
    try {
      mkdirSync(dirname(path), { recursive: true });
      const { success, stderr } = new Deno.Command(compiler, {
        args: [...FLAGS, ...flags, "-o", partial, join(SOURCE, source), "-lpthread", "-lm"],
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

/** Builds what says which level a processor has, on whatever processor of its architecture. Throws Error where no compiler works. */
export const buildProcessor = (folder = libraryFolder()): string => compile("processor.c", [], processorPath(folder));

/**
 * Builds the library of a level, on whatever processor of its architecture.
 *
 * @returns its path
 * @throws RangeError where the level is of another architecture; Error where no compiler works
 */
export function buildLevel(level: Level, folder = libraryFolder()): string {
  if (level.arch !== Deno.build.arch) {
    throw new RangeError(`level ${level.name} must be built on ${level.arch}; this machine is ${Deno.build.arch}`);
  }
  return compile("engine.c", level.flags, levelPath(folder, level));
}

/**
 * Finds the library as {@link findNativeLibrary} does, or compiles it for the best level that processor and compiler know.
 *
 * @throws Error where no compiler works; the message says what each of them answered, and why libraries that are there will not do
 */
export function buildNativeLibrary(folder = libraryFolder()): NativeBuild {
  const found = findNativeLibrary(folder);
  if (found.path !== undefined) return found;
  let first: unknown;
  try {
    for (const level of levelsOf(askProcessor(buildProcessor(folder)))) {
      try {
        return { path: buildLevel(level, folder), built: `built for ${level.name}` };
      } catch (error) {
        first ??= error;
      }
    }
  } catch (error) {
    first = error;
  }
  throw new Error(`${first instanceof Error ? first.message : `no level for ${Deno.build.arch}`}; ${found.lacks}`);
}

/** Opens the library; close it with `close()`. */
export function openNativeLibrary(path = buildNativeLibrary().path): NativeLibrary {
  return Deno.dlopen(path, SYMBOLS);
}
