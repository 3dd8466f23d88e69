import assert from "node:assert/strict";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { LIBRARY } from "../../../../model/engines/webgpu/library.ts";
import { assemble } from "../../../../model/engines/webgpu/wgsl.ts";
import { found, withGpu } from "./network.ts";

const FOLDER = fileURLToPath(new URL("../../../../model/engines/webgpu", import.meta.url));

async function* filesOf(folder: string, end: string): AsyncGenerator<string> {
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    const path = join(folder, name);
    if (isDirectory) yield* filesOf(path, end);
    else if (name.endsWith(end)) yield path;
  }
}

const kernels = await Array.fromAsync(filesOf(FOLDER, ".wgsl"));

Deno.test({
  name: "every .wgsl file is a module by itself",
  ignore: !found.gpu,
  fn: () =>
    withGpu(async ({ device }) => {
      assert.ok(kernels.length > 10);
      for (const path of kernels) {
        device.pushErrorScope("validation");
        const module = device.createShaderModule({ code: assemble(await Deno.readTextFile(path)) });
        const [{ messages }, error] = await Promise.all([module.getCompilationInfo(), device.popErrorScope()]);
        const errors = messages.filter(({ type }) => type === "error").map(({ message }) => message);
        assert.deepEqual([errors, error?.message], [[], undefined], path);
      }
    }),
});

Deno.test("every .wgsl file is imported, and those that others include by the library", async () => {
  const sources = await Promise.all(
    (await Array.fromAsync(filesOf(FOLDER, ".ts"))).map((path) => Deno.readTextFile(path)),
  );
  for (const path of kernels) {
    assert.ok(sources.some((text) => text.includes(`/${basename(path)}" with { type: "text" }`)), path);
    for (const [, name] of (await Deno.readTextFile(path)).matchAll(/^\s*\/\/ @include (\S+)$/gm)) {
      assert.ok(name in LIBRARY, `${path} includes ${name}`);
    }
  }
});

Deno.test("assemble() includes a file once, whoever asks, and its blocks with it", () => {
  const includes = { "a.wgsl": "// @include b.wgsl\na", "b.wgsl": "// @block b\nown\n// @end" };
  const text = "// @include b.wgsl\n// @include a.wgsl\nend";
  assert.equal(assemble(text, { includes }), "own\na\nend");
  assert.equal(assemble(text, { includes, blocks: { b: "x\ny" } }), "x\ny\na\nend");
});

Deno.test("assemble() unrolls within what is unrolled, as often as is said", () => {
  const text = "// @unroll k 2\n// @unroll e DEPTH=1\nlet o$k$e = a$k[$e + 1]; // $kind\n// @end\n// @end";
  const line = (k: number, e: number) => `let o${k}${e} = a${k}[${e} + 1]; // $kind`;
  assert.equal(assemble(text), [line(0, 0), line(1, 0)].join("\n"));
  const all = [line(0, 0), line(0, 1), line(1, 0), line(1, 1)];
  assert.equal(assemble(text, { counts: { DEPTH: 2 } }), all.join("\n"));
  assert.equal(assemble(text, { counts: { DEPTH: 0 } }), "");
});

Deno.test("assemble() says what it does not know, and what has no end", () => {
  assert.throws(() => assemble("// @include a.wgsl", { includes: {} }), /a\.wgsl is included, but not given/);
  assert.throws(() => assemble("x", { blocks: { b: "" }, counts: { N: 1 } }), /no such block or number: b, N/);
  assert.throws(() => assemble("// @block b\nx"), /"\/\/ @end" is missing/);
  assert.throws(() => assemble("// @end"), /ends nothing/);
  assert.throws(
    () => assemble("// @unroll k some\n// @end"),
    /"\/\/ @unroll k 8" or .* expected; got "\/\/ @unroll k some"/,
  );
});
