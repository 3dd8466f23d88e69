import assert from "node:assert/strict";
import { place, type Places } from "../../../model/engines/place.ts";
import type { RuntimeChoice } from "../../../model/engines/runtimes.ts";

const places = (changed: Partial<Places<string>> = {}): Places<string> => ({
  native: () => "native",
  wasm: () => "wasm",
  gpu: () => Promise.resolve({ part: "gpu", why: "a GPU" }),
  tensors: () => "tensors",
  ...changed,
});
const openTensors = () => Promise.reject(new Error("not to be opened"));
const placed = (choice: RuntimeChoice, precision: "f32" | "f16", changed?: Partial<Places<string>>) =>
  place(places(changed), { choice, precision, openTensors });

for (const choice of ["native", "wasm", "tensorflow", "cpu"] as const) {
  Deno.test(`place() refuses products of 16 bits on ${choice}, and says who has them`, async () => {
    await assert.rejects(
      () => placed(choice, "f16"),
      new RangeError(`precision f16 needs the backend webgpu; ${choice} computes in f32`),
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
});

Deno.test("place() refuses products of 16 bits of a part that the GPU engine lacks", async () => {
  await assert.rejects(
    () => placed("webgpu", "f16", { gpu: undefined, lacking: "the engine has no sinusoidal distances" }),
    /^RangeError: precision f16 needs the backend webgpu; it has no kernels for this part \(the engine has no sinusoidal distances\)$/,
  );
});

Deno.test("place() on auto falls back to no backend of 32 bits where 16 are asked for", async () => {
  await assert.rejects(
    () => placed("auto", "f16", { gpu: undefined, lacking: "the engine has no sinusoidal distances" }),
    /^RangeError: precision f16 needs the backend webgpu; it has no kernels for this part/,
  );
});
