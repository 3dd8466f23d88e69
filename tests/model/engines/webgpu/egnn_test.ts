/** What an EGNN on the GPU has beside the other engines; `../../engine_egnn_test.ts` holds all engines to the same. */
import assert from "node:assert/strict";
import { at } from "../../../conditions.ts";
import {
  createEngineEgnnDenoiser,
  egnnDenoiserNetwork,
  egnnDenoiserParameters,
} from "../../../../model/networks/egnn_denoiser.ts";
import { RELEASED_EGNN } from "../../../../model/networks/egnn_parameters.ts";
import type { EgnnArrays, EgnnNetworkOptions } from "../../../../model/networks/egnn_network.ts";
import { createWasmEgnn } from "../../../../model/engines/c/egnn_wasm.ts";
import { createGpuEgnn, type GpuEgnnPlace } from "../../../../model/engines/webgpu/egnn/egnn.ts";
import { edgeTiling, GROUPS } from "../../../../model/engines/webgpu/egnn/tiling.ts";
import { initialValues } from "../../../../model/networks/pair_attention/initialise.ts";
import { random } from "../../../../model/diffusion/random.ts";
import type { BatchShape } from "../../../../model/diffusion/types.ts";
import { expectedTensors, hasReference, importTiny, molecule, SIZES } from "../../networks/geoldm/geoldm_reference.ts";
import { found, relativeError, withGpu } from "./network.ts";

const space = { vectors: 1, scalars: 1, pairs: 0 };
const sizes = { width: 16, blocks: 1, ...RELEASED_EGNN, conditionTime: true, parametrisation: "eps" as const };
const network: EgnnNetworkOptions = egnnDenoiserNetwork({ space, sizes });

/** Fresh weights, those above all that move the coordinates made larger, so that all of them act. */
function weights(of = sizes) {
  const values = initialValues(egnnDenoiserParameters(space, of), 1);
  for (const [name, { data }] of values) {
    if (name.endsWith("coordinates.out")) data.forEach((value, i) => data[i] = 200 * value);
  }
  return values;
}

function noisy({ batch, nodes }: BatchShape, seed = 1): EgnnArrays {
  const h = new Float32Array(batch * nodes * 2), x = new Float32Array(batch * nodes * 3);
  random(seed, 0).fillNormal(h);
  random(seed, 1).fillNormal(x);
  return { h, x };
}

/** An EGNN on whatever adapter there is, for the length of `work`. */
async function withEgnn(
  work: (egnn: Awaited<ReturnType<typeof createGpuEgnn>>) => Promise<void>,
  options: Partial<GpuEgnnPlace> = {},
): Promise<void> {
  const egnn = await createGpuEgnn({ ...network, software: true, ...options }, weights());
  try {
    await work(egnn);
  } finally {
    egnn.dispose();
  }
}

Deno.test("edgeTiling() has a row for every edge and leaves few idle", () => {
  for (let nodes = 1; nodes <= 200; nodes++) {
    const { receivers, capacity, rows, parts, chunks } = edgeTiling(nodes), senders = Math.max(1, nodes - 1);
    assert.ok(capacity * chunks >= senders, `${nodes} nodes`);
    assert.equal(receivers * capacity, GROUPS * rows, `${nodes} nodes`);
    assert.ok(parts === 1 ? rows % capacity === 0 : capacity === parts * rows, `${nodes} nodes`);
    assert.ok(senders / (capacity * chunks) > 0.8, `${nodes} nodes`);
    assert.ok(rows <= 9, `${nodes} nodes`);
  }
});

Deno.test({
  name: "an EGNN on the GPU agrees with the engine on molecules of which a workgroup hears the senders in turns",
  ignore: !found.gpu,
  fn: () =>
    withEgnn(async (egnn) => {
      const engine = await createWasmEgnn({ ...network, workers: 1 }, weights()), shape = { batch: 1, nodes: 80 };
      try {
        assert.equal(edgeTiling(80).chunks, 2);
        const given = noisy(shape), actual = await egnn.run(given, shape), expected = await engine.run(given, shape);
        assert.ok(relativeError(actual.h, expected.h) < 1e-5);
        assert.ok(relativeError(actual.x, expected.x) < 1e-5);
      } finally {
        engine.dispose();
      }
    }),
});

Deno.test({
  name: "an EGNN on the GPU makes room as batches grow, and divides those that are too large",
  ignore: !found.gpu,
  fn: () =>
    withGpu(async (gpu) => {
      const shape = { batch: 7, nodes: 5 }, given = noisy(shape);
      const whole = await createGpuEgnn({ ...network, gpu }, weights());
      const divided = await createGpuEgnn({ ...network, gpu, rows: 12 }, weights());
      assert.equal(whole.memory, 0);
      await whole.run(noisy({ batch: 1, nodes: 5 }), { batch: 1, nodes: 5 });
      const small = whole.memory;
      // Asked at once, answered in turn.
      const [first, again, few] = await Promise.all([
        whole.run(given, shape),
        whole.run(given, shape),
        divided.run(given, shape),
      ]);
      assert.ok(whole.memory >= small && divided.memory <= whole.memory);
      const grown = whole.memory;
      await whole.run(noisy({ batch: 2, nodes: 5 }), { batch: 2, nodes: 5 });
      assert.equal(whole.memory, grown);
      assert.deepEqual(again, first);
      assert.deepEqual(few, first);
      assert.throws(
        () => divided.run(noisy({ batch: 1, nodes: 13 }), { batch: 1, nodes: 13 }),
        /at most 12 nodes on this GPU; got 13/,
      );
      whole.dispose();
      divided.dispose();
      await assert.rejects(whole.run(given, shape), /closed/);
    }),
});

Deno.test({
  name: "an EGNN on the GPU computes the same where loops are written out, as they are on a real GPU",
  ignore: !found.gpu,
  fn: () =>
    withGpu(async (gpu) => {
      const shape = { batch: 2, nodes: 12 }, given = noisy(shape), results: EgnnArrays[] = [];
      for (const software of [true, false]) {
        const egnn = await createGpuEgnn({ ...network, gpu: { ...gpu, software } }, weights());
        results.push(await egnn.run(given, shape));
        egnn.dispose();
      }
      assert.deepEqual(results[0], results[1]);
      assert.ok(results[0].x.every(Number.isFinite));
    }),
});

Deno.test({
  name: "an EGNN on the GPU agrees with GeoLDM's own denoiser to 0.2 % with products of 16-bit floats",
  ignore: !found.f16 || !hasReference,
  fn: () =>
    importTiny(async ({ denoiser: part }, tensors) => {
      assert.ok(part.type === "egnn");
      // With alpha 0 and sigma -1 the estimate of x0 "from v" is the prediction itself.
      const options = {
        space: { ...space, scalars: 2 },
        sizes: { ...part, parametrisation: "v" as const },
        schedule: () => ({ alpha: 0, sigma: -1, logSnr: 0 }),
      };
      const place = { ...egnnDenoiserNetwork(options), software: true, precision: "f16" as const };
      const denoiser = createEngineEgnnDenoiser(options, await createGpuEgnn(place, tensors(part.file)));
      const value = (name: string) => expectedTensors().get(name)!;
      try {
        for (const [m, nodes] of SIZES.entries()) {
          const t = Float32Array.of(value("phi_t").data[m]);
          const actual = await denoiser.predict(molecule(value("phi_z"), m), { batch: 1, nodes }, at(t));
          const error = relativeError(actual, molecule(value("phi_out"), m));
          assert.ok(error > 1e-6 && error < 2e-3, `${nodes} nodes: ${error}`);
        }
      } finally {
        denoiser.dispose();
      }
    }),
});

Deno.test({
  name: "createGpuEgnn() throws where there is too little workgroup memory, no GPU that will do, or no such parameter",
  ignore: !found.gpu,
  fn: () =>
    withGpu(async (gpu) => {
      const wide = { ...sizes, width: 256 }, lacking = weights();
      lacking.delete("embedding.bias");
      await assert.rejects(createGpuEgnn({ ...network, gpu }, lacking), /embedding\.bias/);
      await assert.rejects(createGpuEgnn({ ...network, gpu, sizes: { ...wide, width: 24 } }, weights()), RangeError);
      const limits = { ...limitsOf(gpu.device), maxComputeWorkgroupStorageSize: 16384 };
      const small = {
        ...gpu,
        device: new Proxy(gpu.device, { get: (of, name) => name === "limits" ? limits : value(of, name) }),
      };
      const egnn = await createGpuEgnn({ ...network, sizes: wide, gpu: small }, weights(wide));
      const shape = { batch: 1, nodes: 18 };
      await assert.rejects(egnn.run(noisy(shape), shape), /workgroup memory of \d+ bytes asked, the adapter has 16384/);
      egnn.dispose();
    }),
});

/** A device's property, methods bound to it. */
function value(of: GPUDevice, name: string | symbol): unknown {
  const found = of[name as keyof GPUDevice];
  return typeof found === "function" ? found.bind(of) : found;
}

/** The limits that networks ask for. */
function limitsOf({ limits }: GPUDevice) {
  const { maxStorageBufferBindingSize, maxBufferSize, maxComputeWorkgroupsPerDimension } = limits;
  return { maxStorageBufferBindingSize, maxBufferSize, maxComputeWorkgroupsPerDimension };
}
