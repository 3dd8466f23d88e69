/** The native engine: `src/engine.c` compiled by the machine's own C compiler and called through Deno's FFI. */
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { hardware } from "../hardware.ts";
import { withoutLoaderVariables } from "../loader_variables.ts";

const SYMBOLS = {
  molstep_create: {
    parameters: ["i32", "i32", "i32", "i32", "i32", "i32", "i32", "i32", "i32", "i32"],
    result: "pointer",
  },
  molstep_kernel_name: { parameters: ["i32"], result: "pointer" },
  molstep_kernel_use: { parameters: ["i32"], result: "i32" },
  molstep_parameter_count: { parameters: ["pointer"], result: "i64" },
  molstep_array: { parameters: ["pointer", "i32"], result: "pointer" },
  molstep_refresh: { parameters: ["pointer"], result: "void" },
  molstep_predict: {
    parameters: ["pointer", "i32", "i32", "buffer", "buffer", "buffer", "buffer", "buffer"],
    result: "i32",
    nonblocking: true,
  },
  molstep_predict_groups: {
    parameters: ["pointer", "i32", "buffer", "buffer", "buffer", "buffer", "buffer", "buffer", "buffer"],
    result: "i32",
    nonblocking: true,
  },
  // On the calling thread: for workers of JavaScript.
  molstep_predict_on: {
    parameters: ["pointer", "i32", "i32", "i32", "buffer", "buffer", "buffer", "buffer", "buffer"],
    result: "i32",
  },
  molstep_predict_groups_on: {
    parameters: ["pointer", "i32", "i32", "buffer", "buffer", "buffer", "buffer", "buffer", "buffer", "buffer"],
    result: "i32",
  },
  molstep_align: { parameters: ["i32", "i32", "i32", "i32", "f32", "buffer", "buffer"], result: "i32" },
  molstep_gradient: {
    parameters: [
      "pointer",
      "i32",
      "buffer",
      "buffer",
      "buffer",
      "buffer",
      "buffer",
      "buffer",
      "buffer",
      "buffer",
      "buffer",
    ],
    result: "i32",
    nonblocking: true,
  },
  molstep_gradient_at: {
    parameters: ["pointer", "i32", "buffer", "buffer", "buffer", "buffer", "buffer", "buffer", "buffer"],
    result: "i32",
    nonblocking: true,
  },
  molstep_input_gradient: {
    parameters: ["pointer", "i32", "i32", "buffer", "buffer", "buffer", "buffer", "buffer", "buffer"],
    result: "i32",
    nonblocking: true,
  },
  molstep_predict_averages: {
    parameters: ["pointer", "i32", "i32", "buffer", "buffer", "buffer", "buffer", "buffer"],
    result: "i32",
    nonblocking: true,
  },
  molstep_update: { parameters: ["pointer", "i64", "f32", "f32", "f32", "f32"], result: "f32", nonblocking: true },
  molstep_free: { parameters: ["pointer"], result: "void" },
  molstep_egnn_create: {
    parameters: ["i32", "i32", "i32", "i32", "i32", "i32", "i32", "f32", "f32", "f32", "i32"],
    result: "pointer",
  },
  molstep_egnn_parameter_count: { parameters: ["pointer"], result: "i64" },
  molstep_egnn_load: { parameters: ["pointer", "i64", "i64", "buffer"], result: "void" },
  molstep_egnn_run: {
    parameters: ["pointer", "i32", "i32", "buffer", "buffer", "buffer", "buffer"],
    result: "i32",
    nonblocking: true,
  },
  molstep_egnn_run_groups: {
    parameters: ["pointer", "i32", "buffer", "buffer", "buffer", "buffer", "buffer", "buffer"],
    result: "i32",
    nonblocking: true,
  },
  molstep_egnn_run_on: {
    parameters: ["pointer", "i32", "i32", "i32", "buffer", "buffer", "buffer", "buffer"],
    result: "i32",
  },
  molstep_egnn_run_groups_on: {
    parameters: ["pointer", "i32", "i32", "buffer", "buffer", "buffer", "buffer", "buffer", "buffer"],
    result: "i32",
  },
  molstep_egnn_free: { parameters: ["pointer"], result: "void" },
} as const;

/** The library's functions. */
export type NativeLibrary = Deno.DynamicLibrary<typeof SYMBOLS>;

const SOURCE = fileURLToPath(new URL("./src/", import.meta.url));
const FLAGS = ["-O3", "-march=native", "-ffast-math", "-fno-finite-math-only", "-shared", "-fPIC"];

/** Compilers that are tried, in order. */
export const COMPILERS = ["cc", "gcc", "clang"] as const;

/** Where libraries are kept: one a source, flags and processor. */
export function libraryFolder(): string {
  return fileURLToPath(new URL("../../../.native/", import.meta.url));
}

/** Where the library compiled from this source for this processor lies, or would lie. */
function libraryPath(folder: string): string {
  const hash = createHash("sha256").update(FLAGS.join(" ")).update(hardware().processor).update(Deno.build.arch);
  for (const file of readdirSync(SOURCE).sort()) hash.update(readFileSync(join(SOURCE, file)));
  const suffix = Deno.build.os === "darwin" ? "dylib" : "so";
  return join(folder, `engine-${hash.digest("hex").slice(0, 16)}.${suffix}`);
}

/** The library's path where it has been compiled already; undefined where not. */
export function findNativeLibrary(folder = libraryFolder()): string | undefined {
  const path = libraryPath(folder);
  return existsSync(path) ? path : undefined;
}

/**
 * Compiles the library, or finds it compiled for this source and processor.
 *
 * @returns its path
 * @throws Error where no compiler works; the message says what each of them answered
 */
export function buildNativeLibrary(folder = libraryFolder()): string {
  const path = libraryPath(folder);
  if (existsSync(path)) return path;
  mkdirSync(folder, { recursive: true });
  const wide = Deno.build.arch === "x86_64" ? ["-mprefer-vector-width=512"] : [];
  const answers: string[] = [];
  for (const compiler of COMPILERS) {
    const partial = `${path}.${Deno.pid}.partial`;
    try {
      const { success, stderr } = new Deno.Command(compiler, {
        args: [...FLAGS, ...wide, "-o", partial, join(SOURCE, "engine.c"), "-lpthread", "-lm"],
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

/** Opens the library; close it with `close()`. */
export function openNativeLibrary(path = buildNativeLibrary()): NativeLibrary {
  return Deno.dlopen(path, SYMBOLS);
}
