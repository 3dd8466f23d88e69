import assert from "node:assert/strict";
import { EDM } from "../../../../chem/chemistry.ts";
import { latentLength } from "../../../../model/diffusion/latent.ts";
import { random } from "../../../../model/diffusion/random.ts";
import { readLatent } from "../../../../model/networks/heavy_atom/decode.ts";
import { createDecoders, type DecoderOptions } from "../../../../model/networks/heavy_atom/decoders.ts";
import { needsSearch } from "../../../../model/networks/heavy_atom/graph.ts";
import { bondSumsOf, heavyAtomSpace, QM9_CLASSES } from "../../../../model/networks/heavy_atom/space.ts";
import type { HeavyAtomClass } from "../../../../model/diffusion/types.ts";
import { createTurns } from "../../../turns.ts";

const NODES = 5, BATCH = 24, LENGTH = latentLength(heavyAtomSpace(), NODES), SHAPE = { batch: BATCH, nodes: NODES };

/** Latents far from any graph, but for every third, four methyls about a carbon. */
function latents(): Float32Array {
  const z = new Float32Array(BATCH * LENGTH), K = QM9_CLASSES.length, width = 9 + K;
  for (let b = 0; b < BATCH; b++) {
    const at = b * LENGTH, draw = random(b), bare = QM9_CLASSES.findIndex(([e, h]) => e === 6 && h === 0);
    for (let k = 0; k < LENGTH; k++) z[at + k] = b % 3 === 0 && k % width >= 9 ? 0.001 : Math.abs(draw.normal());
    for (let i = 0; i < NODES; i++) {
      if (b % 3 === 0) {
        for (let k = 0; k < K; k++) z[at + i * width + 9 + k] = k === (i === 0 ? bare : bare + 3) ? 0.5 : 0;
      }
      for (let j = 0; j < i; j++) {
        for (let order = 0; order < 4; order++) {
          const bonded = j === 0 ? 1 : 0, value = b % 3 === 0 ? (order === bonded ? 0.5 : 0) : draw.uniform();
          for (const pair of [i * NODES + j, j * NODES + i]) z[at + NODES * width + pair * 4 + order] = value;
        }
      }
    }
  }
  return z;
}

const Z = latents(), SUMS = bondSumsOf(QM9_CLASSES);
const SEARCHED = Array.from({ length: BATCH }, (_, b) => b).filter((b) => needsSearch(Z, NODES, SUMS, b * LENGTH));

/** Runs a test with decoders. */
async function withDecoders(
  options: Partial<DecoderOptions>,
  work: (decoders: ReturnType<typeof createDecoders>) => Promise<void>,
): Promise<void> {
  const decoders = createDecoders({ classes: QM9_CLASSES, chemistry: EDM, ...options });
  try {
    await work(decoders);
  } finally {
    decoders.close();
  }
}

Deno.test("decode() reads aromatic bonds in workers as here", async () => {
  const form = { aromatic: true }, length = latentLength(heavyAtomSpace(QM9_CLASSES, form), NODES), from = NODES * 21;
  const z = new Float32Array(BATCH * length);
  for (let b = 0; b < BATCH; b++) {
    z.set(Z.subarray(b * LENGTH, b * LENGTH + from), b * length);
    for (let pair = 0; pair < NODES * NODES; pair++) {
      z.set(Z.subarray(b * LENGTH + from + 4 * pair, b * LENGTH + from + 4 * pair + 4), b * length + from + 5 * pair);
      z[b * length + from + 5 * pair + 4] = pair % (NODES + 1) === 0
        ? 0
        : 0.05 * Math.abs(Math.floor(pair / NODES) - pair % NODES);
    }
  }
  const carried = { ...EDM, bonds: "graph" } as const;
  const here = Array.from(
    { length: BATCH },
    (_, b) => readLatent(z, NODES, QM9_CLASSES, b * length, "valence", carried, form),
  );
  await withDecoders({ workers: 1, form, chemistry: carried }, async (decoders) => {
    await decoders.warm();
    assert.deepEqual(await decoders.decode(z, SHAPE, { decoding: "valence" }), here.map(({ molecule }) => molecule));
  });
  const searched = SEARCHED.filter((b) => needsSearch(z, NODES, SUMS, b * length, 5));
  assert.ok(searched.length > 8 && searched.some((b) => here[b].decoding === "valence"));
});

Deno.test("decode() gives in workers what readLatent() gives here, and searches nothing here", async () => {
  assert.ok(SEARCHED.length > 8 && SEARCHED.length < BATCH);
  let here = 0;
  const read: typeof readLatent = (...given) => (here++, readLatent(...given));
  await withDecoders({ workers: 2, read }, async (decoders) => {
    await decoders.warm();
    for (const decoding of ["valence", "argmax"] as const) {
      const expected = Array.from(
        { length: BATCH },
        (_, b) => readLatent(Z, NODES, QM9_CLASSES, b * LENGTH, decoding).molecule,
      );
      here = 0;
      assert.deepEqual(await decoders.decode(Z, SHAPE, { decoding }), expected);
      assert.equal(here, decoding === "valence" ? BATCH - SEARCHED.length : BATCH);
    }
  });
});

/** Eight latents of 28 atoms whose classes and orders are anything: of some a graph is found, of others none within the limit. */
function vast() {
  const classes: HeavyAtomClass[] = [[6, 2], [6, 3], [8, 0], [8, 1]], nodes = 28, K = classes.length, batch = 8;
  const length = latentLength(heavyAtomSpace(classes), nodes), z = new Float32Array(batch * length);
  for (let b = 0; b < batch; b++) {
    const draw = random(b), at = b * length + nodes * (9 + K);
    const likely = () => Math.exp(2 * draw.normal());
    for (let i = 0; i < nodes; i++) {
      for (let k = 0; k < K; k++) z[b * length + i * (9 + K) + 9 + k] = likely();
      for (let j = 0; j < i; j++) {
        for (let k = 0; k < 4; k++) z[at + (i * nodes + j) * 4 + k] = z[at + (j * nodes + i) * 4 + k] = likely();
      }
    }
  }
  return { classes, z, length, shape: { batch, nodes } };
}

for (const workers of [0, 1]) {
  Deno.test(`decode() with ${workers} workers tells which molecules no graph was found for, and of no others`, async () => {
    const { classes, z, length, shape } = vast(), all = [...Array(shape.batch).keys()];
    const without = all.filter((b) => readLatent(z, shape.nodes, classes, b * length, "valence").decoding === "argmax");
    assert.ok(without.length > 0 && without.length < shape.batch, `${without}`);
    await withDecoders({ workers, classes }, async (decoders) => {
      await decoders.warm();
      for (const decoding of ["valence", "argmax"] as const) {
        const told: number[] = [];
        await decoders.decode(z, shape, { decoding, onFallback: (place) => void told.push(place) });
        assert.deepEqual(told, decoding === "valence" ? without : []);
      }
    });
  });
}

Deno.test("decode() lets the event loop turn between any two molecules", async () => {
  for (const decoding of ["valence", "argmax"] as const) {
    const turns = createTurns();
    await withDecoders({ read: turns.counted(readLatent) }, async (decoders) => {
      await decoders.decode(Z, SHAPE, { decoding });
    });
    assert.deepEqual(turns.end(), { calls: BATCH, most: 1 });
  }
});

Deno.test("decode() begins no further molecule when its signal is aborted", async () => {
  for (const last of [1, BATCH - SEARCHED.length, BATCH - 1]) {
    const abort = new AbortController();
    let begun = 0;
    const read: typeof readLatent = (...given) => {
      if (++begun === last) setTimeout(() => abort.abort(new Error("left")), 0);
      const until = performance.now() + 20; // the timer is due before the next
      while (performance.now() < until);
      return readLatent(...given);
    };
    await withDecoders({ read }, async (decoders) => {
      await assert.rejects(decoders.decode(Z, SHAPE, { decoding: "valence", signal: abort.signal }), /left/);
      await new Promise((resolve) => setTimeout(resolve, 50));
      assert.equal(begun, last);
    });
  }
});

Deno.test("decode() goes on here when workers are closed meanwhile", async () => {
  const decoders = createDecoders({ classes: QM9_CLASSES, chemistry: EDM, workers: 1 });
  await decoders.warm();
  const going = decoders.decode(Z, SHAPE, { decoding: "valence" });
  decoders.close();
  const expected = Array.from(
    { length: BATCH },
    (_, b) => readLatent(Z, NODES, QM9_CLASSES, b * LENGTH, "valence").molecule,
  );
  assert.deepEqual(await going, expected);
});
