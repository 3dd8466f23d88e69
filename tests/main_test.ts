import assert from "node:assert/strict";
import { join } from "node:path";
import { readSdf } from "../chem/sdf.ts";
import { commands } from "../main.ts";
import type { Terminal } from "../main/command.ts";
import { flag, option, range, readOptions, UsageError, whole } from "../main/options.ts";
import { bar } from "../main/progress.ts";
import { run } from "../main/run.ts";
import { hasCompiler } from "./model/engines/c/compiler.ts";
import { kernelHere, NARROW } from "./model/engines/c/narrow.ts";
import { withFolder, writeTinyModel } from "./model/tiny_model.ts";

/** A terminal that keeps what is written. */
function paper(environment: Record<string, string> = {}) {
  const written = { out: "", error: "" };
  const terminal: Terminal = {
    out: (text) => void (written.out += text),
    error: (text) => void (written.error += text),
    interactive: false,
    environment,
    signal: new AbortController().signal,
  };
  return { terminal, written };
}

Deno.test("run() lists the commands when given none or --help", async () => {
  for (const [args, status] of [[[], 2], [["--help"], 0]] as const) {
    const { terminal, written } = paper();
    assert.equal(await run(commands, args, terminal), status);
    for (const name of Object.keys(commands)) assert.match(written.out, new RegExp(`^  ${name} `, "m"));
  }
});

Deno.test("run() refuses an unknown command and lists those allowed", async () => {
  const { terminal, written } = paper();
  assert.equal(await run(commands, ["sevre"], terminal), 2);
  assert.match(written.error, /the command must be one of serve, generate, .*; got sevre/);
});

for (const name of Object.keys(commands)) {
  Deno.test(`molstep ${name} --help tells its options`, async () => {
    const { terminal, written } = paper();
    assert.equal(await run(commands, [name, "--help"], terminal), 0);
    assert.match(written.out, new RegExp(`Usage: molstep ${name} \\[options\\]`));
  });

  Deno.test(`molstep ${name} refuses an unknown option and lists those allowed`, async () => {
    const { terminal, written } = paper();
    assert.equal(await run(commands, [name, "--colour", "red"], terminal), 2);
    assert.match(written.error, /'--colour'.*; allowed are --/);
  });
}

Deno.test("readOptions() tells every fault at once", () => {
  const options = {
    count: option("N", "how many", whole(1, 10).default(3)),
    size: option("N|N-M", "how large", range().optional()),
    name: option("NAME", "the name", whole()),
    quiet: flag("say nothing"),
  };
  assert.deepEqual(readOptions(["--name", "5", "--size", "2-4"], options), {
    count: 3,
    size: { min: 2, max: 4 },
    name: 5,
    quiet: false,
  });
  assert.throws(() => readOptions(["--count", "11", "--size", "4-2"], options), (error) => {
    assert.ok(error instanceof UsageError);
    assert.match(error.message, /--count 11: .*10/);
    assert.match(error.message, /--size 4-2: must run from a smaller/);
    assert.match(error.message, /--name must be given: the name/);
    return true;
  });
});

Deno.test("bar() tells the fraction, the time gone and the time to go", () => {
  assert.equal(bar(0.5, 60), `[${"#".repeat(15)}${".".repeat(15)}]  50 % 1:00, 1:00 left`);
  assert.match(bar(0, 0), /^\[\.{30}\] {3}0 % 0:00$/);
});

Deno.test("molstep generate writes the same SDF file when the seed is the same", () =>
  withFolder(async (root) => {
    const folder = await writeTinyModel(root), out = join(root, "out.sdf"), again = join(root, "again.sdf");
    const ask = async (file: string) => {
      const { terminal, written } = paper();
      const args = [
        "--model",
        folder,
        "--count",
        "6",
        "--steps",
        "2",
        "--seed",
        "4",
        "--backend",
        "cpu",
        "--out",
        file,
      ];
      assert.equal(await run(commands, ["generate", ...args], terminal), 0, written.error);
      assert.match(written.error, /^6 of 6 molecules to .*: ddpm, 2 steps, seed 4, cpu;/m);
      return await Deno.readTextFile(file);
    };
    const text = await ask(out);
    assert.equal(readSdf(text).length, 6);
    assert.equal(await ask(again), text);
  }));

Deno.test({
  name: "molstep generate names the kernel of products of 16 bits, or says who has them",
  ignore: !hasCompiler,
  fn: () =>
    withFolder(async (root) => {
      const folder = await writeTinyModel(root);
      for (const precision of NARROW) {
        const { terminal, written } = paper(), kernel = kernelHere(precision);
        const args = ["--model", folder, "--count", "2", "--steps", "2", "--seed", "4", "--out", join(root, "a.sdf")];
        const status = await run(
          commands,
          ["generate", ...args, "--backend", "native", "--precision", precision],
          terminal,
        );
        const said = kernel ? `seed 4, native (${kernel.name});` : `asked for ${precision}`;
        assert.equal(status, kernel ? 0 : 1);
        assert.ok(written.error.includes(said), written.error);
      }
    }),
});

Deno.test("molstep train refuses 16 bits for networks that TensorFlow.js trains", async () => {
  const { terminal, written } = paper();
  assert.equal(await run(commands, ["train", "--kind", "edm", "--updates", "1", "--precision", "bf16"], terminal), 2);
  assert.match(written.error, /the precision of edm, which TensorFlow.js trains, must be auto or f32; got bf16/);
});

Deno.test("molstep generate refuses what cannot be drawn, and a file of an unknown form", () =>
  withFolder(async (root) => {
    const folder = await writeTinyModel(root);
    const fault = async (...args: string[]) => {
      const { terminal, written } = paper();
      const status = await run(commands, ["generate", "--model", folder, "--backend", "cpu", ...args], terminal);
      return { status, error: written.error };
    };
    const sizes = await fault("--heavy-atoms", "9", "--out", join(root, "a.sdf"));
    assert.equal(sizes.status, 1);
    assert.match(sizes.error, /no molecules of 9 heavy atoms; it has 3 to 5/);
    assert.equal((await fault("--out", join(root, "a.pdb"))).status, 2);
    assert.match(
      (await fault("--sampler", "distilled", "--out", join(root, "a.sdf"))).error,
      /no weights distilled to 16/,
    );
  }));
