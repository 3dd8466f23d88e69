import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { constantsHeader, HEADER } from "../../../../model/engines/c/constants_header.ts";
import { has } from "./compiler.ts";

/** A path from this file's folder. */
const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));
const SOURCE = here("../../../../model/engines/c/src/"), FLAGS = ["-O3", "-ffast-math", "-fno-finite-math-only"];
const files = [...Deno.readDirSync(SOURCE)].map(({ name }) => name).sort();
const headers = files.filter((name) => name.endsWith(".h"));

/** Runs a program in the sources' folder; what it printed. Throws Error with its complaints. */
function run(program: string, args: readonly string[]): string {
  const { success, stdout, stderr } = new Deno.Command(program, { args: [...args], cwd: SOURCE }).outputSync();
  const words = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  if (!success) throw new Error(`${program} ${args.join(" ")}: ${words(stdout)}${words(stderr)}`);
  return words(stdout);
}

Deno.test("constants.h is what constants_header.ts writes", async () => {
  assert.equal(await Deno.readTextFile(HEADER), constantsHeader());
});

const clang = await has("clang-19"), compilers = [["clang-19", clang], ["cc", await has("cc")]] as const;
const WASM = ["--target=wasm32", "-msimd128", "-mbulk-memory"];

/** The headers that a build of the engine takes. */
function headersOf(compiler: string, flags: readonly string[]): string[] {
  const taken = new Set(run(compiler, [...flags, "-MM", "engine.c"]).split(/\s+/));
  return headers.filter((name) => taken.has(name));
}

for (const [compiler, found] of compilers) {
  Deno.test({
    name: `each header of the engine stands alone (${compiler})`,
    ignore: !found,
    fn() {
      // Those of kernels for x86-64 need that processor.
      const each = Deno.build.arch === "x86_64" && Deno.build.os === "linux" ? headers : headersOf(compiler, []);
      assert.ok(each.length > 20);
      for (const header of each) run(compiler, ["-fsyntax-only", "-x", "c", header]);
    },
  });

  Deno.test({
    name: `the engine compiles for processors with AMX, and has that kernel (${compiler})`,
    ignore: !found || Deno.build.arch !== "x86_64" || Deno.build.os !== "linux",
    fn() {
      const assembly = run(compiler, [...FLAGS, "-O1", "-march=sapphirerapids", "-fPIC", "-S", "-o", "-", "engine.c"]);
      for (const name of ["ldtilecfg", "tdpbf16ps", "tilestored", "tilerelease", "amx-bf16"]) {
        assert.ok(assembly.includes(name), `${name} must be in the engine`);
      }
    },
  });
}

Deno.test({
  name: "each header of the WebAssembly builds stands alone",
  ignore: !clang,
  fn() {
    const each = headersOf("clang-19", WASM);
    assert.ok(each.length > 20);
    for (const header of each) run("clang-19", [...WASM, "-fsyntax-only", "-x", "c", header]);
  },
});

Deno.test({
  name: "the C sources are formatted",
  ignore: !await has("clang-format-19"),
  fn() {
    run("clang-format-19", ["--dry-run", "-Werror", ...files]);
  },
});

/** What this processor has, as Linux calls it. */
const processor = (() => {
  try {
    return /^flags\s*:(.*)$/m.exec(Deno.readTextFileSync("/proc/cpuinfo"))?.[1].trim().split(/\s+/) ?? [];
  } catch {
    return [];
  }
})();

/**
 * How far a kernel may be from double precision, by its factors: the largest error as a share of the sum of the terms' sizes, and the normalized
 * mean squared error of its products of up to 70 rows, small ones, which stay in single precision, among them.
 */
const LIMITS: Readonly<Record<string, { readonly error: number; readonly nmse: number }>> = {
  f32: { error: 2e-6, nmse: 1e-13 },
  f16: { error: 2e-3, nmse: 8e-7 },
  bf16: { error: 2.5e-3, nmse: 4.5e-6 },
};

/** Builds of the product: their kernels, the compiler's flags, and what the processor must have. */
const AVX512 = ["avx512f", "avx512bw", "avx512vl", "avx512dq", "fma"];
const EMULATED = ["-include", here("./amx_emulated.h")];
const BUILDS: readonly { kernels: string[]; needs: string[]; others?: string[] }[] = [
  { kernels: ["generic-f32"], needs: [] },
  { kernels: ["avx2-f32"], needs: ["avx2", "fma"] },
  { kernels: ["avx512-f32"], needs: ["avx512f", "fma"] },
  { kernels: ["avx512-f32", "avx512-f16"], needs: [...AVX512, "avx512_fp16"] },
  { kernels: ["avx512-f32", "avx512-bf16"], needs: [...AVX512, "avx512_bf16"] },
  { kernels: ["avx512-f32", "amx-bf16"], needs: AVX512, others: EMULATED },
  { kernels: ["avx512-f32", "amx-bf16", "avx512-bf16"], needs: [...AVX512, "avx512_bf16"], others: EMULATED },
  { kernels: ["avx512-f32", "amx-bf16"], needs: [...AVX512, "amx_tile", "amx_bf16"] },
];

/** The compiler's flag for what Linux calls so: avx512_fp16 is -mavx512fp16, amx_tile -mamx-tile. */
const flagOf = (need: string) => `-m${need.replace("avx512_", "avx512").replace("_", "-")}`;

/** What a program of this folder prints. */
function compiled(name: string, flags: readonly string[]): string {
  const program = Deno.makeTempFileSync();
  try {
    run("cc", [...FLAGS, ...flags, `-I${SOURCE}`, "-o", program, here(name)]);
    return run(program, []);
  } finally {
    Deno.removeSync(program);
  }
}

for (const { kernels, needs, others = [] } of BUILDS) {
  const how = others.length ? ", AMX in software" : "";
  Deno.test({
    name: `products are right, and no row's depends on others: ${kernels.join(", ")}${how}`,
    ignore: !await has("cc") || !needs.every((need) => processor.includes(need)),
    fn() {
      const lines = compiled("./product_check.c", [...needs.map(flagOf), ...others]).trim().split("\n");
      assert.deepEqual(lines.map((line) => line.split(" ")[0]), kernels);
      for (const line of lines) {
        const [name, ...numbers] = line.split(" "), [error, nmse] = numbers.map(Number);
        const limit = LIMITS[name.replace(/^.*-/, "")];
        if (!numbers.length) console.warn(`${name} was not tried: this system does not grant it`);
        else assert.ok(error < limit.error && nmse < limit.nmse, `${name}: error ${error}, NMSE ${nmse}`);
      }
    },
  });
}

Deno.test({
  name: "amx_emulated.h aborts on misuse, and sums as the manual says",
  ignore: !await has("cc") || !AVX512.every((need) => processor.includes(need)),
  fn() {
    assert.equal(compiled("./amx_emulated_check.c", [...AVX512.map(flagOf), ...EMULATED]), "amx_emulated.h holds\n");
  },
});
