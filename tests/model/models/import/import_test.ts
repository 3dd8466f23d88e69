import assert from "node:assert/strict";
import { at } from "../../../conditions.ts";
import { join } from "node:path";
import { openBackend } from "../../../../model/engines/tensorflow/open.ts";
import { readCard } from "../../../../model/models/card.ts";
import { loadModel } from "../../../../model/models/load.ts";
import { importCheckpoint } from "../../../../model/models/import/import.ts";
import { drawNoise } from "../../../../model/diffusion/latent.ts";
import { random } from "../../../../model/diffusion/random.ts";
import { readSafetensors } from "../../../../model/diffusion/safetensors.ts";
import { polynomialSchedule } from "../../../../model/diffusion/schedules.ts";
import { assertDenoiserSymmetries } from "../../../properties.ts";
import { CHECKPOINT, hasReference, openTiny } from "../../networks/geoldm/geoldm_reference.ts";
import { checkDigests } from "../../../../model/models/weights.ts";
import {
  type Item,
  stateItem,
  storagesOf,
  writeNamespace,
  writeTorchZip,
  writeZip,
  type Written,
} from "./pickle_writer.ts";

const F = 16, T = 20;
const edmArguments: Record<string, Item> = {
  model: "egnn_dynamics",
  probabilistic_model: "diffusion",
  dataset: "qm9",
  remove_h: false,
  conditioning: [],
  context_node_nf: 0,
  diffusion_steps: T,
  diffusion_noise_schedule: "polynomial_2",
  diffusion_noise_precision: 1e-5,
  nf: F,
  n_layers: 1,
  inv_sublayers: 1,
  attention: true,
  tanh: true,
  norm_constant: 1,
  sin_embedding: false,
  condition_time: true,
  include_charges: true,
  normalize_factors: [1, 4, 10],
};

/** A state dict as EDM saves it, of random numbers: 5 types, charge and time. */
function edmState(): Map<string, Written> {
  const state = new Map<string, Written>(), draw = random(11);
  const add = (name: string, shape: number[]) => {
    const data = new Float32Array(shape.reduce((a, b) => a * b, 1));
    draw.fillNormal(data);
    state.set(name, { shape, data: data.map((value) => 0.2 * value) });
  };
  const linear = (name: string, inputs: number, outputs: number) => {
    add(`dynamics.egnn.${name}.weight`, [outputs, inputs]);
    add(`dynamics.egnn.${name}.bias`, [outputs]);
  };
  linear("embedding", 7, F);
  linear("embedding_out", F, 7);
  for (const net of ["gcl_0.edge_mlp", "gcl_equiv.coord_mlp"]) {
    linear(`e_block_0.${net}.0`, 2 * F + 2, F);
    linear(`e_block_0.${net}.2`, F, F);
  }
  linear("e_block_0.gcl_0.node_mlp.0", 2 * F, F);
  linear("e_block_0.gcl_0.node_mlp.2", F, F);
  linear("e_block_0.gcl_0.att_mlp.0", F, 1);
  add("dynamics.egnn.e_block_0.gcl_equiv.coord_mlp.4.weight", [1, F]);
  add("buffer", [1]);
  const schedule = polynomialSchedule({ power: 2, precision: 1e-5, timesteps: T });
  const gamma = Float32Array.from({ length: T + 1 }, (_, i) => -schedule(i / T).logSnr);
  state.set("gamma.gamma", { shape: [T + 1], data: gamma });
  return state;
}

/** Writes a checkpoint into a folder of its own, imports it and hands it on. */
async function withImported(
  state: Map<string, Written>,
  args: Record<string, Item>,
  use: (folder: string, root: string) => Promise<void>,
  { wrap, ...options }: { dtype?: "F16"; wrap?: (state: Map<Item, Item>) => Item } = {},
) {
  const root = await Deno.makeTempDir();
  try {
    const weights = join(root, "flow_ema.npy"), path = join(root, "args.pickle");
    const zip = wrap ? writeZip(wrap(stateItem(state)), storagesOf(state)) : writeTorchZip(state);
    await Deno.writeFile(weights, zip);
    await Deno.writeFile(path, writeNamespace(args));
    await use(await importCheckpoint({ weights, args: path, name: "edm-test", to: root, ...options }), root);
  } finally {
    await Deno.remove(root, { recursive: true });
  }
}

Deno.test("importCheckpoint() makes a model of an EDM checkpoint, in float32 and in halves", async () => {
  const state = edmState();
  for (const dtype of [undefined, "F16"] as const) {
    await withImported(state, edmArguments, async (folder) => {
      const card = await readCard(folder);
      assert.equal(card.kind, "edm");
      assert.deepEqual(card.space, { vectors: 1, scalars: 6, pairs: 0 });
      const stored = readSafetensors(await Deno.readFile(join(folder, "denoiser.safetensors")));
      const theirs = state.get("dynamics.egnn.e_block_0.gcl_0.edge_mlp.0.weight")!, columns = 2 * F + 2;
      const target = stored.get("blocks.0.messages.0.target")!, tolerance = dtype ? 1e-3 : 0;
      // Row 3 of their [out, in] matrix, column 2 of its second part.
      assert.ok(Math.abs(target.data[2 * F + 3] - theirs.data[3 * columns + F + 2]) <= tolerance);
      const model = await loadModel(folder, { backend: "cpu" });
      const denoiser = await model.denoiser(), shape = { batch: 2, nodes: 4 };
      await assertDenoiserSymmetries(denoiser, { tolerance: 5e-4 });
      const z = drawNoise(model.card.space, shape, [random(1), random(2)]);
      const [molecule] = await model.autoencoder.decode(z, shape, []);
      assert.ok(molecule.atomicNumbers.every((number) => [1, 6, 7, 8, 9].includes(number)));
      model.dispose();
    }, dtype ? { dtype } : {});
  }
});

Deno.test("importCheckpoint() refuses models that it cannot run, naming the argument", async () => {
  const refuse = (change: Record<string, Item>, message: RegExp) =>
    assert.rejects(withImported(edmState(), { ...edmArguments, ...change }, () => Promise.resolve()), message);
  await refuse({ conditioning: ["alpha"] }, /must be 1, one for each of conditioning; got 0[^]*context_node_nf/);
  await refuse({ context_node_nf: 1 }, /must be 0, one for each of conditioning; got 1/);
  await refuse({ diffusion_noise_schedule: "learned" }, /only polynomial schedules/);
  await refuse({ model: "gnn_dynamics" }, /egnn_dynamics/);
  await refuse({ dataset: "geom" }, /embedding.weight should be \[18,16\]/);
  await refuse({ nf: 8 }, /denoiser's/);
  await refuse({ n_layers: 2 }, /no tensor .*e_block_1/);
  await refuse({ diffusion_steps: 40 }, /must have 41 values; got 21/);
  await refuse({ diffusion_noise_precision: 1e-4 }, /gamma/);
  const more = edmState().set("dynamics.extra.weight", { shape: [1], data: new Float32Array(1) });
  await assert.rejects(withImported(more, edmArguments, () => Promise.resolve()), /no place.*dynamics\.extra\.weight/);
});

Deno.test("importCheckpoint() lists all tensors that are missing and that have no place", () => {
  const state = edmState(),
    gone = ["dynamics.egnn.embedding.bias", "dynamics.egnn.e_block_0.gcl_equiv.coord_mlp.2.weight"];
  for (const name of gone) state.delete(name);
  const more = ["dynamics.extra.weight", "other"];
  for (const name of more) state.set(name, { shape: [1], data: new Float32Array(1) });
  return assert.rejects(withImported(state, edmArguments, () => Promise.resolve()), (error) => {
    assert.ok(error instanceof RangeError);
    for (const name of [...gone, ...more]) assert.ok(error.message.includes(name), `${name}: ${error.message}`);
    assert.match(error.message, /\(2 are missing\).*2 tensors have no place/);
    return true;
  });
});

Deno.test("importCheckpoint() says what checkpoints of other data sets are missing", async () => {
  const refuse = (change: Record<string, Item>, message: RegExp) =>
    assert.rejects(withImported(edmState(), { ...edmArguments, ...change }, () => Promise.resolve()), message);
  await refuse({ dataset: "geom", remove_h: true }, /geom must be with hydrogens; got remove_h/);
  await refuse(
    { dataset: "pcq" },
    /must be qm9 or geom; got pcq: missing are its elements in the order of its types, and its numbers/,
  );
});

Deno.test("importCheckpoint() takes a state dict out of what a training script saves, and says in the card where it was", async () => {
  const state = edmState(), unknown = new Map<Item, Item>([["epoch", 7]]);
  const renamed = (prefix: string) => (own: Map<Item, Item>) =>
    new Map<Item, Item>([...own].map(([name, item]) => [`${prefix}${name}`, item]));
  let plain = "";
  await withImported(state, edmArguments, async (folder) => {
    plain = (await readCard(folder)).denoiser.sha256!;
    assert.deepEqual(await checkDigests(folder, await readCard(folder)), []);
  });
  const cases: [(own: Map<Item, Item>) => Item, string | undefined][] = [
    [(own) => new Map<Item, Item>([...unknown, ["state_dict", own]]), "state_dict"],
    [(own) => new Map<Item, Item>([["model", new Map<Item, Item>()], ["ema", own]]), "ema"],
    [(own) => new Map<Item, Item>([["state_dict", renamed("model._orig_mod.")(own)]]), "state_dict"],
    [renamed("module._orig_mod."), undefined],
    [renamed("ema."), undefined],
  ];
  for (const [wrap, entry] of cases) {
    await withImported(state, edmArguments, async (folder) => {
      const { denoiser, training } = await readCard(folder);
      assert.equal(denoiser.sha256, plain);
      assert.equal((training.imported as { entry?: string }).entry, entry);
    }, { wrap });
  }
});

Deno.test("importCheckpoint() refuses weights that are not finite, naming file, tensor and place", async () => {
  const state = edmState();
  state.get("dynamics.egnn.embedding.weight")!.data[3] = Infinity;
  await assert.rejects(
    withImported(state, edmArguments, () => Promise.resolve()),
    /flow_ema\.npy: .*finite weights asked, dynamics\.egnn\.embedding\.weight has Infinity at 3/,
  );
});

Deno.test("importCheckpoint() leaves a folder that exists as it is, and none behind when it fails", async () => {
  await withImported(edmState(), edmArguments, async (folder, root) => {
    const before = await Deno.readTextFile(join(folder, "card.json"));
    const again = { weights: join(root, "flow_ema.npy"), args: join(root, "args.pickle"), name: "edm-test", to: root };
    await assert.rejects(importCheckpoint(again), Deno.errors.AlreadyExists);
    assert.equal(await Deno.readTextFile(join(folder, "card.json")), before);
    await assert.rejects(importCheckpoint({ ...again, name: "../../up" }), /name/);
    const left = (await Array.fromAsync(Deno.readDir(root))).map(({ name }) => name).sort();
    assert.deepEqual(left, ["args.pickle", "edm-test", "flow_ema.npy"]);
  });
});

Deno.test({
  name: "importCheckpoint() makes a model of a GeoLDM checkpoint that loadModel() opens",
  ignore: !hasReference,
  fn: async () => {
    const root = await Deno.makeTempDir();
    try {
      const folder = await importCheckpoint({ ...CHECKPOINT, name: "geoldm-tiny", to: root });
      const model = await loadModel(folder, { backend: "cpu" }), shape = { batch: 2, nodes: 5 };
      assert.equal(model.card.kind, "geoldm");
      assert.deepEqual(model.card.schedule, { type: "polynomial", power: 2, precision: 1e-5, timesteps: 8 });
      assert.equal(Object.values(model.card.sizes).reduce((a, b) => a + b), 100_000);
      const { tf } = await openBackend("cpu"), direct = await openTiny(tf);
      const z = drawNoise(direct.space, shape, [random(1), random(2)]);
      assert.deepEqual(
        await (await model.denoiser()).predict(z, shape, at(0.5)),
        await direct.denoiser.predict(z, shape, at(0.5)),
      );
      assert.equal((await model.autoencoder.decode(z, shape, [])).length, 2);
      model.dispose();
    } finally {
      await Deno.remove(root, { recursive: true });
    }
  },
});
