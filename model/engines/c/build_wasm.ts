/**
 * Writes `src/constants.h`, and builds `engine.wasm` and `engine_simd.wasm` from `src/engine.c` with clang (`deno task build:wasm`). The
 * files are shipped, so only who changes the source needs this. `--check` compares instead of writing, and fails where they differ.
 */
import { fileURLToPath } from "node:url";
import { constantsHeader, HEADER } from "./constants_header.ts";

const here = (name: string) => fileURLToPath(new URL(name, import.meta.url));

/** The two builds: fused multiply-adds need relaxed SIMD; without it products are rounded before they are added. */
export const BUILDS = [
  { file: "engine.wasm", features: ["-msimd128", "-mrelaxed-simd"] },
  { file: "engine_simd.wasm", features: ["-msimd128"] },
] as const;

/** Loop-strength reduction makes one pointer walk through a product's rows, each step waiting for the last: without it the engine is 10 % faster. */
const FLAGS = [
  ...["--target=wasm32", "-O3", "-mbulk-memory", "-ffast-math", "-fno-finite-math-only", "-nostdlib"],
  ...["-mllvm", "--disable-lsr"],
];
const LINK = ["-Wl,--no-entry", "-Wl,-z,stack-size=1048576", "-Wl,--strip-all"];

/** The compiler whose output is shipped: another version's bytes differ. */
export const COMPILER = "clang-19";

/** Compiles one build. Throws Error with the compiler's words. */
export function build(compiler: string, features: readonly string[]): Uint8Array {
  const out = Deno.makeTempFileSync({ suffix: ".wasm" });
  try {
    const { success, stderr } = new Deno.Command(compiler, {
      args: [...FLAGS, ...features, ...LINK, "-o", out, here("src/engine.c")],
      stderr: "piped",
    }).outputSync();
    if (!success) throw new Error(new TextDecoder().decode(stderr));
    return Deno.readFileSync(out);
  } finally {
    Deno.removeSync(out);
  }
}

if (import.meta.main) {
  const compiler = Deno.env.get("CLANG") ?? COMPILER, check = Deno.args.includes("--check");
  if (!check) Deno.writeTextFileSync(HEADER, constantsHeader());
  else if (Deno.readTextFileSync(HEADER) !== constantsHeader()) {
    throw new Error("src/constants.h is not what constants_header.ts writes");
  }
  for (const { file, features } of BUILDS) {
    const bytes = build(compiler, features), old = check ? Deno.readFileSync(here(file)) : undefined;
    if (!old) Deno.writeFileSync(here(file), bytes);
    else if (old.length !== bytes.length || old.some((byte, k) => byte !== bytes[k])) {
      throw new Error(`${file} is not what ${compiler} builds from src/`);
    }
    console.log(`${file}: ${bytes.length} bytes${check ? ", as shipped" : ""}`);
  }
}
