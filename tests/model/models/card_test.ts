import assert from "node:assert/strict";
import { type CardInput, parseCard, readCard } from "../../../model/models/card.ts";

const molstep = (): CardInput => ({
  name: "tiny",
  version: "1",
  description: "a test",
  license: "MIT",
  kind: "molstep",
  counts: "heavyAtoms",
  space: { vectors: 3, scalars: 2, pairs: 4 },
  schedule: { type: "cosine" },
  denoiser: { type: "pair-attention", width: 32, blocks: 2, file: "denoiser.safetensors" },
  autoencoder: { type: "heavy-atom", classes: [[6, 0], [6, 1]], scale: 1.6, oneHot: 0.5 },
  sizes: { "9": 10 },
});

const egnn = {
  width: 32,
  attention: true,
  tanh: true,
  normConstant: 1,
  invariantLayers: 1,
  sinEmbedding: false,
  normalisationFactor: 1,
  aggregation: "sum" as const,
};

const geoldm = (): CardInput => ({
  ...molstep(),
  kind: "geoldm",
  counts: "atoms",
  space: { vectors: 1, scalars: 2, pairs: 0 },
  schedule: { type: "polynomial", timesteps: 8 },
  denoiser: { type: "egnn", ...egnn, blocks: 2, conditionTime: true, parametrisation: "eps", file: "d.safetensors" },
  autoencoder: {
    type: "geoldm",
    ...egnn,
    decoderBlocks: 2,
    elements: [1, 6, 7, 8, 9],
    includeCharges: true,
    latentScalars: 2,
    normalisers: [1, 4, 10],
    file: "a.safetensors",
  },
});

Deno.test("parseCard() fills defaults in for both kinds of model", () => {
  const card = parseCard(molstep());
  assert.deepEqual(card.schedule, { type: "cosine", factor: 0.9995 });
  assert.deepEqual([card.distilled, card.recommended, card.evaluation], [[], [], []]);
  assert.deepEqual(parseCard(geoldm()).schedule, { type: "polynomial", power: 2, precision: 1e-5, timesteps: 8 });
  const recommended = [{ steps: 16, sampler: "ddim" as const }];
  assert.deepEqual(parseCard({ ...molstep(), recommended }).recommended, [
    { steps: 16, sampler: "ddim", grid: { type: "uniform" }, options: {}, clamp: 0 },
  ]);
});

Deno.test("parseCard() refuses unknown keys at every level, naming them", () => {
  assert.throws(() => parseCard({ ...molstep(), colour: "red" }), /colour/);
  const input = geoldm();
  assert.throws(() => parseCard({ ...input, denoiser: { ...input.denoiser, heads: 4 } }), /heads[\s\S]*at denoiser/);
});

Deno.test("parseCard() takes a pair-attention denoiser that sees its own estimate, and no other word for one that does not", () => {
  const denoiser = (more: Record<string, unknown>) =>
    parseCard({ ...molstep(), denoiser: { ...molstep().denoiser, ...more } as CardInput["denoiser"] }).denoiser;
  assert.partialDeepStrictEqual(denoiser({ estimates: true }), { estimates: true });
  assert.ok(!("estimates" in denoiser({})));
  assert.throws(() => denoiser({ estimates: false }), /estimates/);
});

Deno.test("parseCard() refuses a file outside the card's folder", () => {
  for (const file of ["../../other.safetensors", "/etc/x.safetensors", "a/b.safetensors", "weights.npy"]) {
    const denoiser = { type: "pair-attention" as const, width: 32, blocks: 2, file };
    assert.throws(() => parseCard({ ...molstep(), denoiser }), /must be the bare name of a \.safetensors file/);
  }
});

Deno.test("parseCard() refuses a space or a count that the autoencoder does not make", () => {
  const space = { vectors: 3, scalars: 12, pairs: 4 };
  assert.throws(() => parseCard({ ...molstep(), space }), /"heavy-atom" makes 2 scalars, the card says 12/);
  assert.throws(() => parseCard({ ...geoldm(), counts: "heavyAtoms" }), /"geoldm" counts atoms/);
});

Deno.test("readCard() reads a folder's card and names the file in its errors", async () => {
  const folder = await Deno.makeTempDir();
  try {
    await assert.rejects(readCard(folder), Deno.errors.NotFound);
    await Deno.writeTextFile(`${folder}/card.json`, "{");
    await assert.rejects(readCard(folder), /card\.json is not JSON/);
    await Deno.writeTextFile(`${folder}/card.json`, JSON.stringify({ ...molstep(), sizes: {} }));
    await assert.rejects(readCard(`${folder}/`), /card\.json is not a sound card:\n.*at least one size/);
    await Deno.writeTextFile(`${folder}/card.json`, JSON.stringify(molstep()));
    assert.equal((await readCard(folder)).name, "tiny");
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("parseCard() refuses a recommended setting that its sampler cannot take", () => {
  const recommended = [{ steps: 8, sampler: "ddim" as const, options: { gamma: 1 } }];
  assert.throws(() => parseCard({ ...molstep(), recommended }), /options of the sampler "ddim":[\s\S]*gamma/);
});

Deno.test("parseCard() takes several step counts of one file, of equal levels and different steps", () => {
  const entry = { file: "d.safetensors", levels: 8, variant: "ddim" as const, teacher: "tiny", version: "1" };
  const distilled = [{ ...entry, steps: 8 }, { ...entry, steps: 4 }];
  assert.deepEqual(parseCard({ ...molstep(), distilled }).distilled.map(({ steps }) => steps), [8, 4]);
  assert.throws(
    () => parseCard({ ...molstep(), distilled: [...distilled, { ...entry, steps: 2, levels: 0 }] }),
    /d\.safetensors has 8 levels in the entry for 8 steps, 0 here/,
  );
  assert.throws(
    () => parseCard({ ...molstep(), distilled: [...distilled, { ...entry, steps: 4 }] }),
    /there is another entry for 4 steps/,
  );
});

Deno.test("parseCard() takes what networks are told as far as 16 features, of a denoiser that is told properties, the same in one file", () => {
  const names = ["alpha", "gap", "homo", "lumo", "mu", "cv"] as const, guidance = { first: 0, last: 3 };
  const conditions = names.map((name) => ({
    name,
    unit: "eV",
    mean: 0,
    deviation: 1,
    range: [0, 1] as [number, number],
  }));
  const told = { ...molstep(), denoiser: { ...molstep().denoiser, conditions } } as CardInput;
  const entry = { file: "d.safetensors", levels: 3, variant: "ddim" as const, teacher: "tiny", version: "1" };
  const student = { ...entry, steps: 4, conditions: true as const, guidance };
  assert.deepEqual(parseCard({ ...told, distilled: [student] }).distilled[0].guidance, guidance);
  const faults: [CardInput, RegExp][] = [
    [{ ...told, distilled: [{ ...student, levels: 4 }] }, /told 16 features at most; with these it has 17/],
    [
      { ...told, distilled: [student, { ...student, steps: 2, guidance: undefined }] },
      /d\.safetensors has other scales in the entry for 4 steps/,
    ],
    [{ ...molstep(), distilled: [student] }, /needs conditions of the denoiser/],
    [{ ...molstep(), denoiser: { ...molstep().denoiser, guidance } } as CardInput, /needs conditions to be guided to/],
  ];
  for (const [card, message] of faults) assert.throws(() => parseCard(card), message);
});

Deno.test("parseCard() says which keys of a card are unknown, and which are allowed there", () => {
  const card = molstep();
  assert.throws(() => parseCard({ ...card, colour: 1 }), /unknown key colour; allowed are name, version, /);
  const denoiser = { ...card.denoiser, colour: 1 };
  assert.throws(() => parseCard({ ...card, denoiser }), /unknown key colour; allowed are type, width, blocks, /);
});

Deno.test("parseCard() takes classes and elements that the card's chemistry has, EDM's where it names none", () => {
  const classes: [number, number, number?][] = [[16, 0], [7, 0, 1]], { autoencoder } = molstep();
  const charged: CardInput = { ...molstep(), autoencoder: { ...autoencoder, type: "heavy-atom", classes } as never };
  assert.deepEqual([parseCard(molstep()).chemistry, parseCard(molstep()).dataSet], ["edm", "qm9"]);
  assert.deepEqual(parseCard({ ...charged, chemistry: "druglike" }).autoencoder, {
    ...autoencoder,
    classes,
    decoding: "argmax",
  });
  assert.throws(() => parseCard(charged), /class S\+0H: the chemistry edm has[\s\S]*at autoencoder\.classes/);
  const unknown = { ...geoldm().autoencoder, elements: [1, 16] } as never;
  assert.throws(() => parseCard({ ...geoldm(), autoencoder: unknown }), /got 16[\s\S]*at autoencoder\.elements/);
});

Deno.test("parseCard() takes a block for the weaker self to go without, of those there are, and guidance by it where there is one", () => {
  const weaker = (weakWithout: number | undefined, more: object = {}) =>
    parseCard({ ...molstep(), denoiser: { ...molstep().denoiser, weakWithout } as CardInput["denoiser"], ...more });
  const recommended = [{ steps: 16, sampler: "ddim", autoguidance: 1.5 }];
  assert.equal(weaker(1, { recommended }).recommended[0].autoguidance, 1.5);
  assert.throws(() => weaker(2), /must be a block of the 2, 0 to 1[\s\S]*at denoiser\.weakWithout/);
  assert.throws(
    () => weaker(undefined, { recommended }),
    /needs a weaker self[\s\S]*at recommended\[0\]\.autoguidance/,
  );
  assert.doesNotThrow(() => weaker(undefined, { recommended: [{ ...recommended[0], autoguidance: 1 }] }));
});
