/** Examples of requests and answers, for the OpenAPI document and its page. Each follows its schema (`tests/routes/openapi_test.ts`). */
import { stemOf } from "../model/generation/formats.ts";
import type { Examples } from "./endpoint.ts";

/** Of POST /generate. */
export const GENERATE_REQUESTS: Examples = {
  "Eight molecules at 16 steps": { count: 8, steps: 16, seed: 1 },
  "At 4 steps, by the distilled weights, distinct ones with descriptors": {
    count: 32,
    steps: 4,
    unique: "inchikey",
    include: ["descriptors", "bonds"],
  },
  "Stable molecules of 5 to 7 heavy atoms, with molblocks": {
    count: 16,
    steps: 8,
    heavyAtoms: [5, 7],
    filter: "stable",
    include: ["molblock"],
  },
  "Twenty sound molecules that pass a filter, of at most 2000 drawn": {
    want: 20,
    maxDraws: 2000,
    steps: 16,
    where: {
      logP: { min: 0, max: 3 },
      qed: { min: 0.4 },
      radiusOfGyration: { max: 3 },
      elements: { N: { min: 1 }, F: { max: 0 } },
      forbidden: ["[#7]~[#7]"],
      alerts: ["pains", "brenk"],
      sound: true,
    },
  },
  "By a sampler and a grid of one's own": {
    count: 4,
    steps: 32,
    sampler: "ddim",
    grid: { type: "power", rho: 2 },
    clamp: 0.3,
  },
};

/** Of POST /generate/path. */
export const PATH_REQUESTS: Examples = { "The first molecule of a seed at 16 steps": { steps: 16, seed: 1 } };

const MODEL = { model: "qm9", version: "a16a58e8", seed: 1 };

const OXIRANE = {
  index: 0,
  valid: true,
  stable: true,
  connected: true,
  decoding: "valence",
  smiles: "C1CO1",
  inchikey: "IAYPIBMASNFSPL-UHFFFAOYSA-N",
  symbols: ["O", "C", "C", "H", "H", "H", "H"],
  positions: [
    [0.0918, 0.4427, 0.6911],
    [-0.4574, -0.7414, -0.0462],
    [0.3656, 0.2987, -0.6448],
    [-0.33, -1.8012, 0.1932],
    [-1.4797, -0.563, -0.3924],
    [0.1939, 0.8474, -1.5756],
    [1.4486, 0.2281, -0.5071],
  ],
};

/** Of POST /generate: what `{"count": 1, "steps": 4, "seed": 1, "heavyAtoms": 3}` gave. */
export const GENERATE_ANSWERS: Examples = {
  "A molecule": {
    ...MODEL,
    steps: 4,
    sampler: "distilled",
    backend: "wasm",
    decoding: "valence",
    grid: { type: "logSnr", start: { logSnr: 0.5, spread: 1 }, last: 5.64 },
    clamp: 0.5,
    drawn: 1,
    returned: 1,
    fallbacks: 0,
    metrics: { validity: 1, moleculeStability: 1, atomStability: 1, uniqueness: 1, connected: 1 },
    timings: { queueMs: 3.7, sampleMs: 36.5, decodeMs: 0.4, validateMs: 11.2 },
    molecules: [OXIRANE],
  },
};

const BLOCK = `${stemOf(MODEL.seed)}-${OXIRANE.index}
  Molstep           3D

  7  7  0  0  0  0  0  0  0  0999 V2000
${
  OXIRANE.symbols.map((symbol, i) =>
    `${
      OXIRANE.positions[i].map((x) => x.toFixed(4).padStart(10)).join("")
    } ${symbol}   0  0  0  0  0  0  0  0  0  0  0  0`
  ).join("\n")
}
  1  2  1  0
  1  3  1  0
  2  3  1  0
  2  4  1  0
  2  5  1  0
  3  6  1  0
  3  7  1  0
M  END
`;

const SDF = `${BLOCK}>  <smiles>\nC1CO1\n\n$$$$\n`;

/** The same as SDF, with one of its data fields; as XYZ; and as NDJSON. */
export const GENERATE_TEXTS = {
  sdf: { "A molecule": SDF },
  xyz: {
    "A molecule": `7\nmodel="qm9" version="a16a58e8" seed=1 index=0 valid=true smiles="C1CO1"\n${
      OXIRANE.symbols.map((symbol, i) => [symbol, ...OXIRANE.positions[i].map((x) => x.toFixed(4))].join(" ")).join(
        "\n",
      )
    }\n`,
  },
  ndjson: { "A molecule": `${JSON.stringify(OXIRANE)}\n` },
} as const satisfies Record<string, Examples>;

/** Of POST /v1/generate. */
export const NIM_REQUESTS: Examples = {
  "Ten distinct molecules": { num_molecules: 10, unique: true },
  "As a client of GenMol sends it": {
    smiles: "",
    num_molecules: "5",
    temperature: "1.0",
    noise: "1.0",
    scoring: "QED",
  },
};

/** Of POST /v1/generate. */
export const NIM_ANSWERS: Examples = {
  "A molecule": { status: "success", molecules: [{ smiles: "C1CO1", score: 0.349, sdf: SDF }] },
};

/** Of POST /distill. */
export const DISTILL_REQUESTS: Examples = {
  "From 32 steps to 16, in an hour at most": { from: 32, minutes: 60 },
  "A student of 8 and 4 steps by rollouts": { method: "rollout", from: 16, to: 8, keep: [4], minutes: 120 },
  "A flow map of 8, 4, 2 and 1 steps, in second-order steps of the teacher": {
    method: "flow-map",
    solver: "dpm-solver++",
    from: 32,
    to: 4,
    keep: [8, 2, 1],
    grid: { type: "logSnr", start: { logSnr: 0.5 }, last: 5.6 },
    minutes: 120,
  },
  "A student of 4 steps that is told properties and how far to be guided": {
    model: "qm9-conditional",
    method: "consistency",
    guidance: { first: 0, last: 4 },
    from: 16,
    to: 4,
    grid: { type: "logSnr", first: -5, last: 5.6 },
    minutes: 120,
  },
};

/** Of POST /campaigns. */
export const CAMPAIGN_REQUESTS: Examples = {
  "10,000 different small polar molecules": {
    where: { logP: { min: -1, max: 1 }, qed: { min: 0.4 }, forbidden: ["[NX3][NX3]"], sound: true },
    want: 10_000,
    steps: 4,
    seed: 1,
  },
  "What a hundred thousand would take": { want: 100_000, steps: 4, dryRun: true },
};

/** Of GET /models. */
export const MODELS_ANSWERS: Examples = {
  "The shipped model": {
    models: [{
      name: "qm9",
      version: "6",
      description:
        "Small organic molecules of up to nine heavy atoms (C, N, O, F): heavy atoms and their bonds diffused together.",
      kind: "molstep",
      counts: "heavyAtoms",
      sizes: [3, 9],
      distilledSteps: [4],
      distilled: [{ steps: 4, variant: "consistency", version: "a16a58e8", teacher: "qm9 6" }],
      faulty: [],
      recommended: [{ steps: 16, sampler: "consistency" }],
      conformers: false,
      loaded: true,
      backend: "wasm",
    }],
    limits: { count: 1000, steps: 1000, work: 1_000_000, timeoutMs: 3_600_000 },
  },
};

/** Of POST /data: an SDF file. */
export const DATA_REQUESTS: Examples = {
  "One molecule, water": [
    "water",
    "  by hand           3D",
    "",
    "  3  2  0  0  0  0  0  0  0  0999 V2000",
    "    0.0000    0.0000    0.1173 O   0  0",
    "    0.0000    0.7572   -0.4692 H   0  0",
    "    0.0000   -0.7572   -0.4692 H   0  0",
    "  1  2  1  0",
    "  1  3  1  0",
    "M  END",
    "$$$$",
    "",
  ].join("\n"),
};

/** Of POST /conformers. */
export const CONFORMERS_REQUESTS: Examples = {
  "Up to ten conformers of butane": { molecules: "CCCC", seed: 1 },
  "Of two molecules with names, five drawn by their weights at 310 K": {
    molecules: [{ smiles: "C[C@H](N)C(=O)O", name: "alanine" }, { smiles: "C/C=C/C", name: "trans-butene" }],
    count: 5,
    seed: 1,
    temperature: 310,
    resample: true,
  },
};

/** Of POST /conformers: what `{"molecules": ["O", "C1CC"], "count": 1, "seed": 1}` gave. */
export const CONFORMERS_ANSWERS: Examples = {
  "Water's, beside a molecule that has none": {
    ...{ count: 1, seed: 1, refine: "mmff94s", temperature: 298.15, rmsd: 0.5, resample: false },
    forceField: "MMFF94s with charges",
    molecules: [{
      ...{ index: 0, smiles: "O", by: "openchemlib" },
      insteadOf: { by: "druglike", why: "it knows molecules of 8 to 30 heavy atoms; this one has 1" },
      ...{ drawn: 1, mirrored: 0 },
      dropped: { stereo: 0, broken: 0, duplicate: 0 },
      ...{ exhausted: false, symmetryComplete: true },
      ...{ symbols: ["O", "H", "H"], charges: [0, 0, 0] },
      bonds: [{ i: 0, j: 1, order: 1 }, { i: 0, j: 2, order: 1 }],
      conformers: [{
        ...{ energy: 0, relativeEnergy: 0, weight: 1, refined: true, smiles: "O" },
        positions: [[1.2393, 2.1938, -0.0815], [1.8843, 2.7473, 0.3838], [0.9481, 1.5587, 0.5899]],
      }],
    }, {
      index: 1,
      error: {
        reason: "unreadable",
        message:
          "must be SMILES without spaces, of sound valences; got SMILES Parse Error: unclosed ring for input: 'C1CC'",
      },
    }],
  },
};

/** The first of these as SDF, with some of its data fields. */
export const CONFORMERS_TEXTS: Examples = {
  "Water's": `molecule-0
  Molstep           3D

  3  2  0  0  0  0  0  0  0  0999 V2000
    1.2393    2.1938   -0.0815 O   0  0  0  0  0  0  0  0  0  0  0  0
    1.8843    2.7473    0.3838 H   0  0  0  0  0  0  0  0  0  0  0  0
    0.9481    1.5587    0.5899 H   0  0  0  0  0  0  0  0  0  0  0  0
  1  2  1  0
  1  3  1  0
M  END
>  <smiles>\nO\n\n>  <by>\nopenchemlib\n\n>  <insteadOf>\ndruglike\n\n>  <energy>\n0\n\n>  <weight>\n1\n\n$$$$\n`,
};
