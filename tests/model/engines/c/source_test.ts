import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { constantsHeader, HEADER } from "../../../../model/engines/c/constants_header.ts";
import { has } from "./compiler.ts";

const SOURCE = fileURLToPath(new URL("../../../../model/engines/c/src/", import.meta.url));
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
for (const [compiler, here] of compilers) {
  Deno.test({
    name: `each header of the engine stands alone (${compiler})`,
    ignore: !here,
    fn() {
      assert.ok(headers.length > 20);
      for (const header of headers) run(compiler, ["-fsyntax-only", "-x", "c", header]);
    },
  });
}

Deno.test({
  name: "each header of the WebAssembly builds stands alone",
  ignore: !clang,
  fn() {
    const flags = ["--target=wasm32", "-msimd128", "-mbulk-memory", "-fsyntax-only", "-x", "c"];
    for (const header of headers) run("clang-19", [...flags, header]);
  },
});

Deno.test({
  name: "the C sources are formatted",
  ignore: !await has("clang-format-19"),
  fn() {
    run("clang-format-19", ["--dry-run", "-Werror", ...files]);
  },
});

/** Builds of the product that this processor runs: the compiler's flags, and who multiplies then. */
const flagsHere = (() => {
  try {
    return /^flags\s*:(.*)$/m.exec(Deno.readTextFileSync("/proc/cpuinfo"))?.[1].trim().split(/\s+/) ?? [];
  } catch {
    return [];
  }
})();
const PRODUCTS = [
  { kernel: "generic float32", flags: [], needs: [] },
  { kernel: "avx2 float32", flags: ["-mavx2", "-mfma"], needs: ["avx2", "fma"] },
  { kernel: "avx512 float32", flags: ["-mavx512f", "-mfma"], needs: ["avx512f"] },
];
for (const { kernel, flags, needs } of PRODUCTS) {
  Deno.test({
    name: `the product is right, and no row's depends on others: ${kernel}`,
    ignore: !await has("cc") || !needs.every((need) => flagsHere.includes(need)),
    fn() {
      const program = Deno.makeTempFileSync();
      try {
        const check = fileURLToPath(new URL("./product_check.c", import.meta.url));
        run("cc", ["-O3", "-ffast-math", "-fno-finite-math-only", ...flags, `-I${SOURCE}`, "-o", program, check]);
        const [, name, error] = /^(.*) (\S+)$/m.exec(run(program, []))!;
        assert.equal(name, kernel);
        assert.ok(Number(error) < 2e-6, `the largest error is ${error}`);
      } finally {
        Deno.removeSync(program);
      }
    },
  });
}
