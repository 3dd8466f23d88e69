/** Libraries for levels of processors: which is chosen, what is refused, and that none needs a compiler once it is built. */
import assert from "node:assert/strict";
import { basename, join } from "node:path";
import {
  lackingOf,
  type Level,
  LEVELS,
  levelsOf,
  type Processor,
  readProcessor,
} from "../../../../model/engines/c/native_levels.ts";
import {
  buildLevel,
  buildNativeLibrary,
  findNativeLibrary,
  type NativeBuild,
  openNativeLibrary,
  type Search,
} from "../../../../model/engines/c/native_library.ts";
import { pairAttentionParameters } from "../../../../model/networks/pair_attention/parameters.ts";
import { hasCompiler } from "./compiler.ts";

const level = (name: string): Level => LEVELS.find((one) => one.name === name)!;

/** The flags of processors, cut down to what levels ask for among them. */
const HASWELL = "sse2 fma movbe xsave avx f16c avx2 bmi1 bmi2 abm";
const SKYLAKE = `${HASWELL} avx512f avx512dq avx512cd avx512bw avx512vl`;
const ZEN4 = `${SKYLAKE} avx512_bf16 avx512_vnni`, SAPPHIRE = `${ZEN4} avx512_fp16 amx_tile amx_bf16 amx_int8`;
const x86 = (flags: string): Processor => ({ arch: "x86_64", has: new Set(flags.split(" ")) });

Deno.test("readProcessor() reads the flags of x86-64 and the features of aarch64, and nothing of nothing", () => {
  assert.deepEqual([...readProcessor("flags\t\t: fpu  avx2 fma ").has], ["fpu", "avx2", "fma"]);
  assert.deepEqual([...readProcessor("Features\t: fp asimd").has], ["fp", "asimd"]);
  assert.equal(readProcessor("").has.size, 0);
});

for (
  const [what, processor, best] of [
    ["one of before 2013", x86("sse2 avx xsave"), "x86-64"],
    ["Haswell", x86(HASWELL), "x86-64-v3"],
    ["Haswell whose system hides FMA", x86(HASWELL.replace("fma ", "")), "x86-64"],
    ["Skylake server", x86(SKYLAKE), "x86-64-v4"],
    ["Zen 4", x86(ZEN4), "x86-64-v4-bf16"],
    ["Sapphire Rapids without tiles, as many clouds have it", x86(SAPPHIRE.replace("amx_tile ", "")), "x86-64-v4-fp16"],
    ["Sapphire Rapids", x86(SAPPHIRE), "x86-64-v4-amx"],
    ["Neoverse", { arch: "aarch64", has: new Set(["asimd"]) } as Processor, "armv8-a"],
  ] as const
) {
  Deno.test(`levelsOf() gives ${best} first for ${what}`, () => assert.equal(levelsOf(processor)[0].name, best));
}

Deno.test("levelsOf() gives with a level all before it of its architecture, and for a processor of which nothing is known what the compiler finds", () => {
  assert.deepEqual(levelsOf(x86(SAPPHIRE)), LEVELS.filter(({ arch }) => arch === "x86_64").toReversed());
  assert.deepEqual(levelsOf(readProcessor("")).map(({ name }) => name), ["native"]);
  assert.deepEqual(lackingOf(level("x86-64-v4-amx"), x86(ZEN4)), ["avx512_fp16", "amx_tile", "amx_bf16"]);
  assert.deepEqual(lackingOf(level("armv8-a"), x86(ZEN4)), ["armv8-a"]);
});

/** The library that was found; fails where none was. */
function found(search: Search): NativeBuild {
  assert.ok(search.path !== undefined, JSON.stringify(search));
  return search;
}

/** What was said in place of a library. */
const lacks = (search: Search): string => (assert.ok(search.path === undefined), search.lacks);

/** Two levels of this architecture where it has them, and what says which the processor has, in a folder of their own. */
const NAMES = Deno.build.arch === "x86_64" ? ["x86-64-v3", "x86-64-v4"] : ["armv8-a"];
const built = Promise.withResolvers<string>();
if (hasCompiler) {
  const folder = Deno.makeTempDirSync();
  globalThis.addEventListener("unload", () => Deno.removeSync(folder, { recursive: true }));
  for (const name of NAMES) buildLevel(level(name), folder);
  built.resolve(folder);
}

/** A copy of that folder. */
async function copied(): Promise<string> {
  const from = await built.promise, folder = Deno.makeTempDirSync();
  for (const { name } of Deno.readDirSync(from)) Deno.copyFileSync(join(from, name), join(folder, name));
  return folder;
}

/** `work` on a copy of the folder, and as if there were no programs. */
async function withoutPrograms(work: (folder: string) => void): Promise<void> {
  const folder = await copied(), path = Deno.env.get("PATH")!;
  Deno.env.set("PATH", "");
  try {
    work(folder);
  } finally {
    Deno.env.set("PATH", path);
    Deno.removeSync(folder, { recursive: true });
  }
}

const test = (name: string, fn: () => Promise<void>, ignore = false) =>
  Deno.test({ name, ignore: !hasCompiler || ignore, fn });
const onX86 = Deno.build.arch === "x86_64";

test("a library that was built before is opened, and computes, where there is no compiler", () =>
  withoutPrograms((folder) => {
    const { path, built } = buildNativeLibrary(folder),
      best = basename(path).slice("engine-".length, -"-0123456789abcdef.so".length);
    assert.ok(NAMES.includes(best), path);
    assert.equal(built, `built for ${best}`);
    const library = openNativeLibrary(path), c = library.symbols, space = { vectors: 3, scalars: 12, pairs: 4 };
    const engine = c.molstep_create(32, 1, space.vectors, space.scalars, space.pairs, 0, 0, 1, 0, 0);
    assert.notEqual(engine, null);
    const count = pairAttentionParameters(space, { width: 32, blocks: 1 }).reduce(
      (sum, { shape }) => sum + shape.reduce((a, b) => a * b, 1),
      0,
    );
    assert.equal(Number(c.molstep_parameter_count(engine)), count);
    c.molstep_free(engine);
    library.close();
  }));

test("without a library and without a compiler buildNativeLibrary() says what each compiler answered", () =>
  withoutPrograms((folder) => {
    for (const { name } of Deno.readDirSync(folder)) Deno.removeSync(join(folder, name));
    assert.throws(
      () => buildNativeLibrary(folder),
      /^Error: the native engine needs a C compiler \(one of cc, gcc, clang\)\. cc: .*; it is not compiled/s,
    );
  }));

test(
  "findNativeLibrary() takes the best level that the processor has, and passes over better ones",
  () =>
    withoutPrograms((folder) => {
      for (const [flags, name] of [[HASWELL, "x86-64-v3"], [SKYLAKE, "x86-64-v4"], [SAPPHIRE, "x86-64-v4"]]) {
        const { path, built } = found(findNativeLibrary(folder, x86(flags)));
        assert.ok(basename(path).startsWith(`engine-${name}-`), path);
        assert.equal(built, `built for ${name}`);
      }
      const none = lacks(findNativeLibrary(folder, x86(HASWELL.replace("fma ", ""))));
      assert.match(
        none,
        /^it is not compiled.*x86-64-v4: this processor lacks fma, avx512f.*x86-64-v3: this processor lacks fma\)$/,
      );
    }),
  !onX86,
);

test(
  "findNativeLibrary() refuses a library of other sources, says so, and takes the level below it",
  () =>
    withoutPrograms((folder) => {
      const rename = (name: string) => {
        const file = [...Deno.readDirSync(folder)].find((entry) => entry.name.startsWith(`engine-${name}-`))!.name;
        Deno.renameSync(join(folder, file), join(folder, `engine-${name}-0123456789abcdef.so`));
      };
      rename("x86-64-v4");
      const { path, built } = found(findNativeLibrary(folder, x86(SKYLAKE)));
      assert.ok(basename(path).startsWith("engine-x86-64-v3-"), path);
      assert.equal(built, "built for x86-64-v3 (not x86-64-v4: it was built from other sources)");
      rename("x86-64-v3");
      const none = lacks(findNativeLibrary(folder, x86(SKYLAKE)));
      assert.match(none, /x86-64-v4: it was built from other sources; x86-64-v3: it was built from other sources\)$/);
      assert.throws(() => buildNativeLibrary(folder), /needs a C compiler.*built from other sources/s);
    }),
  !onX86,
);

test("build:native builds what is named and not there, and refuses levels that there are not", async () => {
  const folder = await copied();
  const run = (levels: string) =>
    new Deno.Command(Deno.execPath(), { args: ["task", "build:native", "--levels", levels, "--out", folder] }).output();
  const names = () => [...Deno.readDirSync(folder)].map(({ name }) => name).sort(), before = names();
  try {
    Deno.removeSync(join(folder, before[0]));
    assert.ok((await run(NAMES.join())).success);
    assert.deepEqual(names(), before);
    const { success, stderr } = await run("x86-64-v9");
    assert.ok(!success);
    assert.match(new TextDecoder().decode(stderr), /--levels must be of x86-64, .*; got x86-64-v9/);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
