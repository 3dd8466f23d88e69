/** The library's calls as workers make them: parts of batches, groups of several sizes, on the calling thread. */
import assert from "node:assert/strict";
import { egnnDenoiserNetwork, egnnDenoiserParameters } from "../../../../model/networks/egnn_denoiser.ts";
import { RELEASED_EGNN } from "../../../../model/networks/egnn_parameters.ts";
import { createArguments } from "../../../../model/networks/egnn_network.ts";
import { conditioned } from "../../../../model/diffusion/condition.ts";
import { rowsOf } from "../../../../model/networks/pair_attention/conditions.ts";
import { openNativeLibrary } from "../../../../model/engines/c/native_library.ts";
import { createWasmInstance } from "../../../../model/engines/c/wasm_instance.ts";
import { compileWasmEngine, hasRelaxedSimd } from "../../../../model/engines/c/wasm_module.ts";
import { flatten } from "../../../../model/engines/c/parameters.ts";
import { drawNoise, latentLength } from "../../../../model/diffusion/latent.ts";
import { initialValues } from "../../../../model/networks/pair_attention/initialise.ts";
import { pairAttentionParameters } from "../../../../model/networks/pair_attention/parameters.ts";
import { random } from "../../../../model/diffusion/random.ts";
import { cosineSchedule } from "../../../../model/diffusion/schedules.ts";
import { hasCompiler } from "./compiler.ts";

const space = { vectors: 3, scalars: 12, pairs: 4 };
const streams = (count: number, seed = 5) => Array.from({ length: count }, (_, k) => random(seed, k));

/** Values that are all different from zero. */
const some = (count: number, stream: number) => {
  const values = new Float32Array(count);
  random(9, stream).fillNormal(values);
  return values;
};

const joined = (parts: readonly Float32Array[]) => Float32Array.from(parts.flatMap((part) => [...part]));

/** A pair-attention denoiser of `threads` threads: one molecule after another as the truth, and every call beside it. */
function openDenoiser(threads: number) {
  const library = openNativeLibrary(), c = library.symbols, sizes = { width: 32, blocks: 2 };
  const specs = pairAttentionParameters(space, sizes), flat = flatten(specs, initialValues(specs, 1));
  for (let k = 0; k < flat.length; k++) flat[k] += 0.05 * Math.sin(k);
  const engine = c.molstep_create(
    sizes.width,
    sizes.blocks,
    space.vectors,
    space.scalars,
    space.pairs,
    0,
    0,
    threads,
    0,
    0,
  );
  const at = c.molstep_array(engine, 0)!;
  new Float32Array(Deno.UnsafePointerView.getArrayBuffer(at, flat.length * 4)).set(flat);
  c.molstep_refresh(engine);
  const input = (batch: number, nodes: number) => {
    const z = drawNoise(space, { batch, nodes }, streams(batch, nodes));
    const times = Array.from({ length: batch }, (_, k) => ({ time: (k + 0.5) / batch }));
    return { z, ...rowsOf(conditioned(times, cosineSchedule())) };
  };
  return {
    c,
    engine,
    input,
    length: (nodes: number) => latentLength(space, nodes),
    close: () => (c.molstep_free(engine), library.close()),
  };
}

Deno.test({
  name: "molstep_predict() gives a molecule the same bits in every batch, on one thread and several",
  ignore: !hasCompiler,
  async fn() {
    for (const threads of [1, 2, 3]) {
      const { c, engine, input, length, close } = openDenoiser(threads);
      try {
        for (const nodes of [1, 2, 5, 9, 12, 27]) {
          const { z, features, alpha, sigma } = input(20, nodes),
            size = length(nodes),
            alone = new Float32Array(z.length);
          const width = features.length / 20;
          for (let k = 0; k < 20; k++) {
            const out = new Float32Array(size);
            assert.equal(
              c.molstep_predict_on(
                engine,
                k % threads,
                nodes,
                1,
                z.slice(k * size, (k + 1) * size),
                features.slice(k * width, (k + 1) * width),
                alpha.slice(k, k + 1),
                sigma.slice(k, k + 1),
                -1,
                out,
                null,
              ),
              1,
            );
            alone.set(out, k * size);
          }
          for (let batch = 1; batch <= 20; batch++) {
            const out = new Float32Array(batch * size), own = new Float32Array(batch * size);
            assert.equal(await c.molstep_predict(engine, nodes, batch, z, features, alpha, sigma, -1, out, null), 1);
            assert.deepEqual(out, alone.slice(0, batch * size), `${batch} of ${nodes} nodes on ${threads} threads`);
            assert.equal(
              c.molstep_predict_on(engine, threads - 1, nodes, batch, z, features, alpha, sigma, -1, own, null),
              1,
            );
            assert.deepEqual(own, out, `${batch} of ${nodes} nodes on the calling thread`);
          }
        }
      } finally {
        close();
      }
    }
  },
});

Deno.test("both WebAssembly builds give a molecule the same bits in every batch", async () => {
  const sizes = { width: 32, blocks: 2 }, specs = pairAttentionParameters(space, sizes);
  const flat = flatten(specs, initialValues(specs, 1)).map((value, k) => value + 0.05 * Math.sin(k));
  for (const relaxed of hasRelaxedSimd() ? [true, false] : [false]) {
    const { predict } = createWasmInstance(await compileWasmEngine(relaxed), space, sizes, flat);
    for (const nodes of [1, 2, 5, 9, 13]) {
      const batch = 13, length = latentLength(space, nodes);
      const z = drawNoise(space, { batch, nodes }, streams(batch, nodes)),
        rows = (count: number) => rowsOf(conditioned(Array(count).fill({ time: 0.4 }), cosineSchedule()));
      const alone = joined(
        Array.from(
          { length: batch },
          (_, k) => predict(z.slice(k * length, (k + 1) * length), { batch: 1, nodes }, rows(1)),
        ),
      );
      for (let count = 2; count <= batch; count++) {
        const out = predict(z.slice(0, count * length), { batch: count, nodes }, rows(count));
        assert.deepEqual(out, alone.slice(0, count * length), `${count} of ${nodes} nodes, relaxed SIMD: ${relaxed}`);
      }
    }
  }
});

Deno.test({
  name: "molstep_predict_groups() gives each group what it has by itself",
  ignore: !hasCompiler,
  async fn() {
    const { c, engine, input, close } = openDenoiser(2);
    try {
      const nodes = Int32Array.of(9, 3, 12, 1, 9), batches = Int32Array.of(3, 17, 1, 5, 11);
      const inputs = [...nodes].map((n, k) => input(batches[k], n));
      const expected = inputs.map(({ z, features, alpha, sigma }, k) => {
        const out = new Float32Array(z.length);
        c.molstep_predict_on(engine, 0, nodes[k], batches[k], z, features, alpha, sigma, -1, out, null);
        return out;
      });
      const [z, features, alpha, sigma] = (["z", "features", "alpha", "sigma"] as const)
        .map((field) => joined(inputs.map((group) => group[field])));
      for (const on of [undefined, 0, 1]) {
        const out = new Float32Array(z.length);
        const ok = on === undefined
          ? await c.molstep_predict_groups(engine, 5, nodes, batches, z, features, alpha, sigma, -1, out, null)
          : c.molstep_predict_groups_on(engine, on, 5, nodes, batches, z, features, alpha, sigma, -1, out, null);
        assert.equal(ok, 1);
        assert.deepEqual(out, joined(expected), `${on}`);
      }
    } finally {
      close();
    }
  },
});

Deno.test({
  name: "calls on the calling thread refuse a worker that the engine has not",
  ignore: !hasCompiler,
  fn() {
    const { c, engine, input, close } = openDenoiser(2);
    try {
      const { z, features, alpha, sigma } = input(1, 3), out = new Float32Array(z.length);
      for (const worker of [-1, 2, 64]) {
        assert.equal(c.molstep_predict_on(engine, worker, 3, 1, z, features, alpha, sigma, -1, out, null), 0);
      }
      assert.deepEqual(out, new Float32Array(z.length));
    } finally {
      close();
    }
  },
});

Deno.test({
  name: "molstep_egnn_run() and its groups give a molecule the same bits in every batch, on one thread and several",
  ignore: !hasCompiler,
  async fn() {
    const sizes = { width: 48, blocks: 2, ...RELEASED_EGNN, conditionTime: true, parametrisation: "eps" as const };
    const options = egnnDenoiserNetwork({ space: { vectors: 1, scalars: 2, pairs: 0 }, sizes });
    const specs = egnnDenoiserParameters({ vectors: 1, scalars: 2, pairs: 0 }, sizes);
    const flat = flatten(specs, initialValues(specs, 2)), { inputs, outputs } = options;
    for (const threads of [1, 2, 3]) {
      const library = openNativeLibrary(), c = library.symbols;
      const engine = c.molstep_egnn_create(...createArguments(options), threads);
      c.molstep_egnn_load(engine, 0n, BigInt(flat.length), flat);
      const input = (batch: number, n: number) => ({ h: some(batch * n * inputs, n), x: some(batch * n * 3, n + 100) });
      const run = (worker: number, n: number, batch: number, { h, x }: ReturnType<typeof input>) => {
        const out = { h: new Float32Array(batch * n * outputs), x: new Float32Array(batch * n * 3) };
        assert.equal(c.molstep_egnn_run_on(engine, worker, n, batch, h, x, out.h, out.x), 1);
        return out;
      };
      try {
        for (const n of [1, 2, 9, 40, 80]) {
          const most = n < 40 ? 20 : 3, { h, x } = input(most, n);
          const alone = Array.from({ length: most }, (_, k) =>
            run(k % threads, n, 1, {
              h: h.slice(k * n * inputs, (k + 1) * n * inputs),
              x: x.slice(k * n * 3, (k + 1) * n * 3),
            }));
          for (let batch = 1; batch <= most; batch++) {
            const out = { h: new Float32Array(batch * n * outputs), x: new Float32Array(batch * n * 3) };
            assert.equal(await c.molstep_egnn_run(engine, n, batch, h, x, out.h, out.x), 1);
            assert.deepEqual(out.h, joined(alone.slice(0, batch).map((one) => one.h)), `${batch} of ${n} nodes`);
            assert.deepEqual(out.x, joined(alone.slice(0, batch).map((one) => one.x)), `${batch} of ${n} nodes`);
          }
        }
        const nodes = Int32Array.of(9, 2, 80), batches = Int32Array.of(11, 3, 2);
        const parts = [...nodes].map((n, k) => input(batches[k], n));
        const h = joined(parts.map((part) => part.h)), x = joined(parts.map((part) => part.x));
        const expected = parts.map((part, k) => run(0, nodes[k], batches[k], part));
        for (const on of [undefined, threads - 1]) {
          const out = { h: new Float32Array(x.length / 3 * outputs), x: new Float32Array(x.length) };
          const ok = on === undefined
            ? await c.molstep_egnn_run_groups(engine, 3, nodes, batches, h, x, out.h, out.x)
            : c.molstep_egnn_run_groups_on(engine, on, 3, nodes, batches, h, x, out.h, out.x);
          assert.equal(ok, 1);
          assert.deepEqual(out.h, joined(expected.map((one) => one.h)));
          assert.deepEqual(out.x, joined(expected.map((one) => one.x)));
        }
        assert.equal(c.molstep_egnn_run_on(engine, threads, 2, 1, h, x, new Float32Array(6), new Float32Array(6)), 0);
      } finally {
        c.molstep_egnn_free(engine);
        library.close();
      }
    }
  },
});
