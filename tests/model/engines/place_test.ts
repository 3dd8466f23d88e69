import assert from "node:assert/strict";
import { ISA } from "../../../model/engines/c/kernels.ts";
import { createNativeEngine } from "../../../model/engines/c/native_engine.ts";
import { openLearner } from "../../../model/engines/open_learner.ts";
import { place, type Places } from "../../../model/engines/place.ts";
import {
  backendOf,
  type Precision,
  PRECISIONS,
  type RuntimeChoice,
  runtimeOf,
  RUNTIMES,
} from "../../../model/engines/runtimes.ts";
import { heavyAtomSpace } from "../../../model/networks/heavy_atom/space.ts";
import { hasCompiler } from "./c/compiler.ts";

const places = (changed: Partial<Places<string>> = {}): Places<string> => ({
  native: () => Promise.resolve({ part: "native", built: "built for a level", kernel: "here-f16" }),
  narrow: true,
  wasm: () => "wasm",
  gpu: () => Promise.resolve({ part: "gpu", why: "a GPU" }),
  tensors: () => "tensors",
  ...changed,
});
const openTensors = () => Promise.reject(new Error("not to be opened"));
const placed = (choice: RuntimeChoice, precision: Precision, changed?: Partial<Places<string>>) =>
  place(places(changed), { choice, precision, openTensors });

for (const choice of ["wasm", "tensorflow", "cpu"] as const) {
  Deno.test(`place() refuses products of 16 bits on ${choice}, and says who has them`, async () => {
    await assert.rejects(
      () => placed(choice, "f16"),
      new RangeError(`precision f16 needs the backend webgpu or native; ${choice} computes in f32`),
    );
  });
}

Deno.test("place() takes products of 32 bits where they are asked for", async () => {
  assert.equal((await placed("native", "f32")).part, "native");
  assert.equal((await placed("wasm", "f32")).part, "wasm");
});

Deno.test("place() takes products of 16 bits on the GPU engine, and says so", async () => {
  const { part, backend } = await placed("webgpu", "f16");
  assert.equal(part, "gpu");
  assert.match(backend.why, /16-bit floats/);
  assert.equal(backend.name, "webgpu (f16)");
});

Deno.test("place() takes products of 16 bits on the native engine, and names what computes them", async () => {
  for (const precision of ["f16", "bf16"] as const) {
    const { part, backend } = await placed("native", precision);
    assert.equal(part, "native");
    assert.deepEqual(backend, {
      name: "native (here-f16)",
      why: "the engine, built for a level, products here-f16: asked for",
    });
  }
});

Deno.test("place() refuses products of 16 bits of a part that the native engine computes in 32, and bfloat16 on the GPU", async () => {
  await assert.rejects(
    () => placed("native", "f16", { narrow: false }),
    new RangeError("precision f16 needs the backend webgpu or native; native: it has no kernels of f16 for this part"),
  );
  await assert.rejects(
    () => placed("webgpu", "bf16"),
    new RangeError("precision bf16 needs the backend native; webgpu computes in f32 and f16"),
  );
});

Deno.test("place() refuses products of 16 bits of a part that the GPU engine lacks", async () => {
  await assert.rejects(
    () => placed("webgpu", "f16", { gpu: undefined, lacking: "the engine has no sinusoidal distances" }),
    /^RangeError: precision f16 needs the backend webgpu or native; webgpu: it has no kernels of f16 for this part \(the engine has no sinusoidal distances\)$/,
  );
});

Deno.test("place() on auto falls back to no backend of 32 bits where 16 are asked for, and says what was tried", async () => {
  await assert.rejects(
    () => placed("auto", "f16", { gpu: undefined, narrow: false, lacking: "the engine has no sinusoidal distances" }),
    /^RangeError: precision f16 needs the backend webgpu or native; webgpu: it has no kernels of f16 for this part \(.*\); native: it has no kernels of f16/,
  );
  await assert.rejects(
    () => placed("auto", "bf16", { native: () => Promise.reject(new RangeError("no bf16 on this processor")) }),
    hasCompiler
      ? /needs the backend native; native: no bf16 on this processor$/
      : /needs the backend native; native: it is not compiled/,
  );
});

Deno.test({
  name:
    "place() and openLearner() on auto tell of a kernel that MOLSTEP_ISA names and the processor lacks, and compute nowhere else",
  ignore: !hasCompiler,
  async fn() {
    const gpu = () => Promise.reject(new Error("no GPU")), before = Deno.env.get(ISA);
    const error = /^RangeError: MOLSTEP_ISA must name a kernel of this processor: .*-f32.*; got abacus-f32$/;
    const space = heavyAtomSpace(), sizes = { width: 16, blocks: 1 };
    const native = () => Promise.resolve({ part: String(createNativeEngine({ space, sizes })), built: "" });
    Deno.env.set(ISA, "abacus-f32");
    try {
      await assert.rejects(() => placed("auto", "f32", { gpu, native }), error);
      await assert.rejects(() => openLearner("auto", { space, sizes, seed: 1 }), error);
    } finally {
      if (before === undefined) Deno.env.delete(ISA);
      else Deno.env.set(ISA, before);
    }
  },
});

Deno.test("runtimeOf() gives the name of the backend that backendOf() named with its kernel", () => {
  for (const name of RUNTIMES) {
    assert.equal(backendOf(name, "f32", "avx512-f32"), name);
    assert.equal(backendOf(name, "f16", "avx512-f16"), `${name} (avx512-f16)`);
    for (const precision of PRECISIONS) assert.equal(runtimeOf(backendOf(name, precision)), name);
  }
});
