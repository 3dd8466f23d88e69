// deno-lint-ignore-file ban-types
/** What each route takes and gives, by status. Written by `deno task build:client`. */
export type Schema = Type68;

type Type1 = {
  [key: string]: unknown;
  availableModels?: (string)[] | undefined;
  availableSteps?: (number)[] | undefined;
  campaign?: string | undefined;
  detail: string;
  drawn?: number | undefined;
  errors?: ({ message: string; path: string })[] | undefined;
  estimate?: undefined | { [key: string]: unknown };
  job?: string | undefined;
  requestId?: string | undefined;
  status: number;
  title: string;
  traceId?: string | undefined;
  type?: string | undefined;
};

type Type2 = {
  backend: null | string;
  conformers: boolean;
  counts: "atoms" | "heavyAtoms";
  description: string;
  distilled: ({ steps: number; teacher: string; variant: "consistency" | "ddim" | "ddpm"; version: string })[];
  distilledSteps: (number)[];
  faulty: ({ reason: string; steps: number; version: string })[];
  kind: string;
  loaded: boolean;
  name: string;
  recommended: ({ sampler: string; steps: number })[];
  sizes: [number, number];
  version: string;
};

type Type3 = {
  $get: { input: {}; output: Type1; outputFormat: "json"; status: 406 } | {
    input: {};
    output: {};
    outputFormat: string;
    status: 304;
  } | {
    input: {};
    output: { limits: { count: number; steps: number; timeoutMs: number; work: number }; models: (Type2)[] };
    outputFormat: "json";
    status: 200;
  };
};

type Type4 = {
  blocks: number;
  conditions?:
    | ({
      deviation: number;
      mean: number;
      name: "alpha" | "cv" | "gap" | "homo" | "lumo" | "mu";
      range: [number, number];
      unit: string;
    })[]
    | undefined;
  estimates?: true | undefined;
  file: string;
  frequency?: number | undefined;
  graph?: true | undefined;
  guidance?: undefined | { first: number; last: number };
  sha256?: string | undefined;
  type: "pair-attention";
  weakWithout?: number | undefined;
  width: number;
};

type Type5 = {
  aggregation: "mean" | "sum";
  attention: boolean;
  blocks: number;
  conditionTime: boolean;
  conditions?:
    | ({
      deviation: number;
      mean: number;
      name: "alpha" | "cv" | "gap" | "homo" | "lumo" | "mu";
      perAtom?: number | undefined;
      range: [number, number];
      unit: string;
    })[]
    | undefined;
  coordinateRange: number;
  file: string;
  invariantLayers: number;
  normConstant: number;
  normalisationFactor: number;
  parametrisation: "eps" | "v" | "x0";
  sha256?: string | undefined;
  sinEmbedding: boolean;
  tanh: boolean;
  type: "egnn";
  width: number;
};

type Type6 = {
  aromatic?: true | undefined;
  classes: ([number, number, (number)?])[];
  decoding: "argmax" | "valence";
  hydrogen?: "canonical" | "random" | undefined;
  neutral?: true | undefined;
  oneHot: number;
  scale: number;
  type: "heavy-atom";
};

type Type7 = {
  aggregation: "mean" | "sum";
  attention: boolean;
  coordinateRange: number;
  decoderBlocks: number;
  elements: (number)[];
  encoderBlocks: number;
  file: string;
  includeCharges: boolean;
  invariantLayers: number;
  klWeight?: number | undefined;
  latentScalars: number;
  normConstant: number;
  normalisationFactor: number;
  normalisers: [number, number, number];
  sha256?: string | undefined;
  sinEmbedding: boolean;
  tanh: boolean;
  told?: true | undefined;
  type: "geoldm";
  width: number;
};

type Type8 = {
  clamp: number;
  conditions?: true | undefined;
  file: string;
  grid:
    | {
      first?: number | undefined;
      last: number;
      start?: undefined | { logSnr: number; spread: number };
      type: "logSnr";
    }
    | { rho: number; type: "power" }
    | { type: "uniform" };
  guidance?: undefined | { first: number; last: number };
  levels: number;
  metrics?: undefined | { [key: string]: unknown };
  options: { [key: string]: unknown };
  sha256?: string | undefined;
  steps: number;
  teacher: string;
  training?: undefined | { [key: string]: unknown };
  variant: "consistency" | "ddim" | "ddpm";
  version: string;
};

type Type9 = {
  autoguidance?: number | undefined;
  clamp: number;
  grid:
    | {
      first?: number | undefined;
      last: number;
      start?: undefined | { logSnr: number; spread: number };
      type: "logSnr";
    }
    | { rho: number; type: "power" }
    | { type: "uniform" };
  options: { [key: string]: unknown };
  sampler: "ancestral" | "consistency" | "ddim" | "ddpm" | "dpm-solver++" | "heun";
  steps: number;
};

type Type10 = {
  autoguidance?: number | undefined;
  grid:
    | {
      first?: number | undefined;
      last: number;
      start?: undefined | { logSnr: number; spread: number };
      type: "logSnr";
    }
    | { rho: number; type: "power" }
    | { type: "uniform" };
  options: { [key: string]: unknown };
  sampler: "ancestral" | "consistency" | "ddim" | "ddpm" | "dpm-solver++" | "heun";
  steps: number;
};

type Type11 = {
  autoencoder: Type6 | Type7 | {
    elements: (number)[];
    includeCharges: boolean;
    normalisers: [number, number, number];
    type: "identity";
  };
  chemistry: "druglike" | "edm" | "geom";
  conformers: (Type10)[];
  counts: "atoms" | "heavyAtoms";
  coupling: "aligned" | "independent";
  dataSet: string;
  denoiser: Type4 | Type5;
  description: string;
  distilled: (Type8)[];
  evaluation: ({ [key: string]: unknown })[];
  kind: "edm" | "geoldm" | "molstep";
  latents?: undefined | {
    [key: string]: { pairs: ([number, number])[]; scalars: ([number, number])[]; vectors: (number)[] };
  };
  license: string;
  name: string;
  recommended: (Type9)[];
  refine?: "mmff94" | "mmff94-qm9" | "mmff94s" | "none" | undefined;
  schedule: { factor: number; type: "cosine" } | {
    power: number;
    precision: number;
    timesteps: number;
    type: "polynomial";
  };
  sizes: { [key: string]: number };
  space: { pairs: number; scalars: number; vectors: number };
  training: { [key: string]: unknown };
  version: string;
};

type Type12 = {
  input: { param: { name: string } };
  output: {
    backend: null | { name: string; why: string };
    card: Type11;
    faulty: ({ reason: string; steps: number; version: string })[];
    loaded: boolean;
  };
  outputFormat: "json";
  status: 200;
};

type Type13 = {
  $get: Type12 | { input: { param: { name: string } }; output: Type1; outputFormat: "json"; status: 404 } | {
    input: { param: { name: string } };
    output: Type1;
    outputFormat: "json";
    status: 406;
  } | { input: { param: { name: string } }; output: {}; outputFormat: string; status: 304 };
};

type Type14 = {
  $delete:
    | { input: { param: { name: string; steps: string } }; output: Type1; outputFormat: "json"; status: 404 }
    | { input: { param: { name: string; steps: string } }; output: Type1; outputFormat: "json"; status: 409 }
    | { input: { param: { name: string; steps: string } }; output: Type1; outputFormat: "json"; status: 507 }
    | { input: { param: { name: string; steps: string } }; output: {}; outputFormat: string; status: 204 };
};

type Type15 = {
  addedHydrogens?: number | undefined;
  bonds?: ({ i: number; j: number; order: 1 | 2 | 3 })[] | undefined;
  calls?: number | undefined;
  connected: boolean;
  decoding: "argmax" | "valence";
  descriptors?: null | undefined | { [key: string]: number };
  faults?:
    | (
      | "bentAngle"
      | "clash"
      | "impossibleRing"
      | "puckered"
      | "pyramidal"
      | "twistedAlkene"
      | "twistedAmide"
      | "twistedImine"
    )[]
    | null
    | undefined;
  inchikey: null | string;
  index: number;
  molblock?: string | undefined;
  positions: ([number, number, number])[];
  refined?: boolean | undefined;
  repaired?: boolean | undefined;
  rmsd?: number | undefined;
  rounds?: number | undefined;
  sdf?: string | undefined;
  smiles: null | string;
  sound?: boolean | undefined;
  stable: boolean;
  stereoChanged?: boolean | undefined;
  strain?: null | undefined | { after: number; before: number };
  symbols: (string)[];
  unrefined?: "graph" | "invalid" | "relaxed" | "size" | "types" | undefined;
  valid: boolean;
  values?: undefined | { [key: string]: number };
};

type Type16 = {
  autoguidance?: number | undefined;
  backend: string;
  clamp: number;
  condition?: undefined | {
    alpha?: number | undefined;
    cv?: number | undefined;
    gap?: number | undefined;
    homo?: number | undefined;
    lumo?: number | undefined;
    mu?: number | undefined;
  };
  decoding: "argmax" | "valence";
  drawn: number;
  ended?: "deadline" | "maxDraws" | "want" | undefined;
  fallbacks: number;
  fixedAtoms?: number | undefined;
  grid:
    | {
      first?: number | undefined;
      last: number;
      start?: undefined | { logSnr: number; spread: number };
      type: "logSnr";
    }
    | { rho: number; type: "power" }
    | { type: "uniform" };
  guidance?: number | undefined;
  metrics: {
    atomStability: null | number;
    connected: null | number;
    moleculeStability: null | number;
    uniqueness: null | number;
    validity: null | number;
  };
  model: string;
  molecules: (Type15)[];
  parallel?: undefined | { calls: number; rounds: number; tolerance: number; window: number };
  passed?: number | undefined;
  refine?: "mmff94" | "mmff94-qm9" | "mmff94s" | undefined;
  rejected?: undefined | { [key: string]: number };
  returned: number;
  sampler: "ancestral" | "consistency" | "ddim" | "ddpm" | "distilled" | "dpm-solver++" | "heun";
  seed: number;
  steps: number;
  timings: { decodeMs: number; queueMs: number; sampleMs: number; validateMs: number };
  version: string;
  warnings?: (string)[] | undefined;
};

type Type17 = {
  alerts?: ("brenk" | "pains")[] | undefined;
  aromaticRings?: undefined | { max?: number | undefined; min?: number | undefined };
  bridgeheadAtoms?: undefined | { max?: number | undefined; min?: number | undefined };
  elements?: undefined | { [key: string]: undefined | { max?: number | undefined; min?: number | undefined } };
  exactMass?: undefined | { max?: number | undefined; min?: number | undefined };
  forbidden?: (string)[] | undefined;
  formalCharge?: undefined | { max?: number | undefined; min?: number | undefined };
  formula?: string | undefined;
  fractionCsp3?: undefined | { max?: number | undefined; min?: number | undefined };
  heavyAtoms?: undefined | { max?: number | undefined; min?: number | undefined };
  heteroatoms?: undefined | { max?: number | undefined; min?: number | undefined };
  hydrogenBondAcceptors?: undefined | { max?: number | undefined; min?: number | undefined };
  hydrogenBondDonors?: undefined | { max?: number | undefined; min?: number | undefined };
  labuteAsa?: undefined | { max?: number | undefined; min?: number | undefined };
  logP?: undefined | { max?: number | undefined; min?: number | undefined };
  molarRefractivity?: undefined | { max?: number | undefined; min?: number | undefined };
  molecularWeight?: undefined | { max?: number | undefined; min?: number | undefined };
  momentRatio1?: undefined | { max?: number | undefined; min?: number | undefined };
  momentRatio2?: undefined | { max?: number | undefined; min?: number | undefined };
  principalMoment1?: undefined | { max?: number | undefined; min?: number | undefined };
  principalMoment2?: undefined | { max?: number | undefined; min?: number | undefined };
  principalMoment3?: undefined | { max?: number | undefined; min?: number | undefined };
  qed?: undefined | { max?: number | undefined; min?: number | undefined };
  radiusOfGyration?: undefined | { max?: number | undefined; min?: number | undefined };
  required?: (string)[] | undefined;
  ringSystemFrequency?: undefined | { max?: number | undefined; min?: number | undefined };
  rings?: undefined | { max?: number | undefined; min?: number | undefined };
  rotatableBonds?: undefined | { max?: number | undefined; min?: number | undefined };
  sound?: boolean | undefined;
  spiroAtoms?: undefined | { max?: number | undefined; min?: number | undefined };
  stereocentres?: undefined | { max?: number | undefined; min?: number | undefined };
  strainAfter?: undefined | { max?: number | undefined; min?: number | undefined };
  strainBefore?: undefined | { max?: number | undefined; min?: number | undefined };
  tpsa?: undefined | { max?: number | undefined; min?: number | undefined };
};

type Type18 = {
  atoms?: [number, number] | number | undefined;
  autoguidance?: number | undefined;
  clamp?: number | undefined;
  condition?: undefined | {
    alpha?: number | undefined;
    cv?: number | undefined;
    gap?: number | undefined;
    homo?: number | undefined;
    lumo?: number | undefined;
    mu?: number | undefined;
  };
  count?: number | undefined;
  decoding?: "argmax" | "valence" | undefined;
  filter?: "none" | "sound" | "stable" | "unique" | "valid" | undefined;
  first?: number | undefined;
  fixed?: undefined | {
    atoms?: (number)[] | undefined;
    attach?: (number)[] | undefined;
    molblock: string;
    resample?: undefined | { back?: number | undefined; times: number };
  };
  grid?:
    | undefined
    | {
      first?: number | undefined;
      last?: number | undefined;
      start?: undefined | { logSnr: number; spread?: number | undefined };
      type: "logSnr";
    }
    | { rho: number; type: "power" }
    | { type: "uniform" };
  guidance?: number | undefined;
  heavyAtoms?: [number, number] | number | undefined;
  include?: ("bonds" | "descriptors" | "judge" | "molblock" | "sdf")[] | undefined;
  maxDraws?: number | undefined;
  model?: string | undefined;
  parallel?: undefined | { tolerance?: number | undefined; window?: number | undefined };
  refine?: "mmff94" | "mmff94-qm9" | "mmff94s" | "none" | undefined;
  sampler?: "ancestral" | "consistency" | "ddim" | "ddpm" | "distilled" | "dpm-solver++" | "heun" | undefined;
  seed?: number | undefined;
  steps: number;
  timeoutMs?: number | undefined;
  unique?: boolean | "flat" | "inchikey" | undefined;
  want?: number | undefined;
  where?: Type17 | undefined;
};

type Type19 = {
  $post:
    | { input: { json: Type18 }; output: Type16; outputFormat: "json"; status: 200 }
    | { input: { json: Type18 }; output: Type1; outputFormat: "json"; status: 400 }
    | { input: { json: Type18 }; output: Type1; outputFormat: "json"; status: 404 }
    | { input: { json: Type18 }; output: Type1; outputFormat: "json"; status: 406 }
    | { input: { json: Type18 }; output: Type1; outputFormat: "json"; status: 413 }
    | { input: { json: Type18 }; output: Type1; outputFormat: "json"; status: 415 }
    | { input: { json: Type18 }; output: Type1; outputFormat: "json"; status: 422 }
    | { input: { json: Type18 }; output: Type1; outputFormat: "json"; status: 429 }
    | { input: { json: Type18 }; output: Type1; outputFormat: "json"; status: 503 }
    | { input: { json: Type18 }; output: Type1; outputFormat: "json"; status: 504 };
};

type Type20 = {
  estimate: {
    bonds: ({ i: number; j: number; order: 1 | 2 | 3 })[];
    positions: ([number, number, number])[];
    symbols: (string)[];
  };
  latent: {
    bonds: ({ i: number; j: number; order: 1 | 2 | 3 })[];
    positions: ([number, number, number])[];
    symbols: (string)[];
  };
  logSnr: number;
  time: number;
};

type Type21 = {
  autoguidance?: number | undefined;
  backend: string;
  clamp: number;
  condition?: undefined | {
    alpha?: number | undefined;
    cv?: number | undefined;
    gap?: number | undefined;
    homo?: number | undefined;
    lumo?: number | undefined;
    mu?: number | undefined;
  };
  decoding: "argmax" | "valence";
  ended?: "deadline" | "maxDraws" | "want" | undefined;
  fixedAtoms?: number | undefined;
  frames: (Type20)[];
  grid:
    | {
      first?: number | undefined;
      last: number;
      start?: undefined | { logSnr: number; spread: number };
      type: "logSnr";
    }
    | { rho: number; type: "power" }
    | { type: "uniform" };
  guidance?: number | undefined;
  model: string;
  molecule: Type15;
  passed?: number | undefined;
  rejected?: undefined | { [key: string]: number };
  sampler: "ancestral" | "consistency" | "ddim" | "ddpm" | "distilled" | "dpm-solver++" | "heun";
  seed: number;
  steps: number;
  version: string;
  warnings?: (string)[] | undefined;
};

type Type22 = {
  atoms?: [number, number] | number | undefined;
  autoguidance?: number | undefined;
  clamp?: number | undefined;
  condition?: undefined | {
    alpha?: number | undefined;
    cv?: number | undefined;
    gap?: number | undefined;
    homo?: number | undefined;
    lumo?: number | undefined;
    mu?: number | undefined;
  };
  decoding?: "argmax" | "valence" | undefined;
  first?: number | undefined;
  grid?:
    | undefined
    | {
      first?: number | undefined;
      last?: number | undefined;
      start?: undefined | { logSnr: number; spread?: number | undefined };
      type: "logSnr";
    }
    | { rho: number; type: "power" }
    | { type: "uniform" };
  guidance?: number | undefined;
  heavyAtoms?: [number, number] | number | undefined;
  model?: string | undefined;
  sampler?: "ancestral" | "consistency" | "ddim" | "ddpm" | "distilled" | "dpm-solver++" | "heun" | undefined;
  seed?: number | undefined;
  steps: number;
  timeoutMs?: number | undefined;
};

type Type23 = {
  $post:
    | { input: { json: Type22 }; output: Type1; outputFormat: "json"; status: 400 }
    | { input: { json: Type22 }; output: Type1; outputFormat: "json"; status: 404 }
    | { input: { json: Type22 }; output: Type1; outputFormat: "json"; status: 406 }
    | { input: { json: Type22 }; output: Type1; outputFormat: "json"; status: 413 }
    | { input: { json: Type22 }; output: Type1; outputFormat: "json"; status: 415 }
    | { input: { json: Type22 }; output: Type1; outputFormat: "json"; status: 422 }
    | { input: { json: Type22 }; output: Type1; outputFormat: "json"; status: 429 }
    | { input: { json: Type22 }; output: Type1; outputFormat: "json"; status: 503 }
    | { input: { json: Type22 }; output: Type1; outputFormat: "json"; status: 504 }
    | { input: { json: Type22 }; output: Type21; outputFormat: "json"; status: 200 };
};

type Type24 = {
  bonds: ({ i: number; j: number; order: 1 | 2 | 3 })[];
  by: string;
  charges: (number)[];
  conformers: ({
    energy: null | number;
    positions: ([number, number, number])[];
    refined: boolean;
    relativeEnergy: null | number;
    smiles: string;
    times?: number | undefined;
    weight: null | number;
  })[];
  drawn: number;
  dropped: { broken: number; duplicate: number; stereo: number };
  exhausted: boolean;
  index: number;
  insteadOf?: undefined | { by: string; why: string };
  mirrored: number;
  name?: string | undefined;
  smiles: string;
  symbols: (string)[];
  symmetryComplete: boolean;
  unrefined?: "size" | "types" | undefined;
};

type Type25 = {
  error: {
    message: string;
    reason:
      | "bonds"
      | "elements"
      | "failed"
      | "fragments"
      | "isotopes"
      | "late"
      | "radicals"
      | "size"
      | "source"
      | "stereo"
      | "stereoKind"
      | "unreadable";
  };
  index: number;
  name?: string | undefined;
};

type Type26 = {
  count: number;
  forceField: string;
  model?: string | undefined;
  molecules: (Type24 | Type25)[];
  refine: "mmff94" | "mmff94s" | "none";
  resample: boolean;
  rmsd: number;
  seed: number;
  steps?: number | undefined;
  temperature: number;
};

type Type27 = {
  count?: number | undefined;
  model?: string | undefined;
  molecules:
    | (string | { molblock: string; name?: string | undefined } | { name?: string | undefined; smiles: string })[]
    | string
    | { molblock: string; name?: string | undefined }
    | { name?: string | undefined; smiles: string };
  refine?: boolean | "mmff94" | "mmff94s" | "none" | undefined;
  resample?: boolean | undefined;
  rmsd?: number | undefined;
  seed?: number | undefined;
  steps?: number | undefined;
  temperature?: number | undefined;
  timeoutMs?: number | undefined;
};

type Type28 = {
  $post:
    | { input: { json: Type27 }; output: Type1; outputFormat: "json"; status: 400 }
    | { input: { json: Type27 }; output: Type1; outputFormat: "json"; status: 406 }
    | { input: { json: Type27 }; output: Type1; outputFormat: "json"; status: 413 }
    | { input: { json: Type27 }; output: Type1; outputFormat: "json"; status: 415 }
    | { input: { json: Type27 }; output: Type1; outputFormat: "json"; status: 422 }
    | { input: { json: Type27 }; output: Type1; outputFormat: "json"; status: 429 }
    | { input: { json: Type27 }; output: Type1; outputFormat: "json"; status: 503 }
    | { input: { json: Type27 }; output: Type1; outputFormat: "json"; status: 504 }
    | { input: { json: Type27 }; output: Type26; outputFormat: "json"; status: 200 };
};

type Type29 = {
  classes: ([number, number, number])[];
  createdAt: string;
  description: string;
  expiresAt: string;
  id: string;
  molecules: number;
  refused: ({
    message: string;
    reason: "broken" | "coordinates" | "disconnected" | "element" | "geometry" | "sanitisation" | "size" | "valence";
    record: number;
    title: string;
  })[];
  refusedRecords: number;
};

type Type30 = {
  input: unknown;
  output: {
    most: number;
    sets: ({
      classes: ([number, number, number])[];
      createdAt: string;
      description: string;
      expiresAt: string;
      id: string;
      molecules: number;
      refusedRecords: number;
    })[];
  };
  outputFormat: "json";
  status: 200;
};

type Type31 = {
  $get: Type30 | { input: unknown; output: Type1; outputFormat: "json"; status: 406 };
  $post:
    | { input: { query: { description?: string | undefined } }; output: Type1; outputFormat: "json"; status: 409 }
    | { input: { query: { description?: string | undefined } }; output: Type1; outputFormat: "json"; status: 413 }
    | { input: { query: { description?: string | undefined } }; output: Type1; outputFormat: "json"; status: 415 }
    | { input: { query: { description?: string | undefined } }; output: Type1; outputFormat: "json"; status: 422 }
    | { input: { query: { description?: string | undefined } }; output: Type1; outputFormat: "json"; status: 503 }
    | { input: { query: { description?: string | undefined } }; output: Type1; outputFormat: "json"; status: 507 }
    | { input: { query: { description?: string | undefined } }; output: Type29; outputFormat: "json"; status: 201 };
};

type Type32 = {
  atoms: number;
  charged: number;
  elements: { [key: string]: number };
  groups: { [key: string]: number };
  parts: { test: number; train: number; valid: number };
  refused: { [key: string]: number };
  repeated: number;
  sizes: { [key: string]: number };
};

type Type33 = {
  classes: ([number, number, number])[];
  createdAt: string;
  description: string;
  expiresAt: string;
  id: string;
  molecules: number;
  refused: ({
    message: string;
    reason: "broken" | "coordinates" | "disconnected" | "element" | "geometry" | "sanitisation" | "size" | "valence";
    record: number;
    title: string;
  })[];
  refusedRecords: number;
  summary: Type32;
};

type Type34 = {
  $delete:
    | { input: { param: { id: string } }; output: Type1; outputFormat: "json"; status: 404 }
    | { input: { param: { id: string } }; output: Type1; outputFormat: "json"; status: 409 }
    | { input: { param: { id: string } }; output: Type1; outputFormat: "json"; status: 422 }
    | { input: { param: { id: string } }; output: Type1; outputFormat: "json"; status: 507 }
    | { input: { param: { id: string } }; output: {}; outputFormat: string; status: 204 };
  $get: {
    input: { param: { id: string }; query: { limit?: unknown; offset?: unknown } };
    output: Type1;
    outputFormat: "json";
    status: 404;
  } | {
    input: { param: { id: string }; query: { limit?: unknown; offset?: unknown } };
    output: Type1;
    outputFormat: "json";
    status: 406;
  } | {
    input: { param: { id: string }; query: { limit?: unknown; offset?: unknown } };
    output: Type1;
    outputFormat: "json";
    status: 422;
  } | {
    input: { param: { id: string }; query: { limit?: unknown; offset?: unknown } };
    output: Type33;
    outputFormat: "json";
    status: 200;
  };
};

type Type35 = {
  alpha?: number | undefined;
  also: ({ classes: number; from?: number | undefined; steps: number })[];
  autoguidance?: number | undefined;
  classes: number;
  divergence?: "forward-kl" | "jensen-shannon" | "renyi" | "reverse-kl" | "sds" | "sid" | undefined;
  from?: number | undefined;
};

type Type36 = {
  accept: number;
  batch: number;
  begin: "student" | "teacher";
  blocks?: number | undefined;
  boundary?: "data" | "teacher" | undefined;
  clamp: number;
  data?: string | undefined;
  from: number;
  grid:
    | {
      first?: number | undefined;
      last: number;
      start?: undefined | { logSnr: number; spread: number };
      type: "logSnr";
    }
    | { rho: number; type: "power" }
    | { type: "uniform" };
  guidance?: undefined | { first: number; last: number };
  keep: (number)[];
  learningRate?: number | undefined;
  match: Type35;
  method:
    | "consistency"
    | "finetune"
    | "flow-map"
    | "guided"
    | "knowledge"
    | "matching"
    | "moments"
    | "progressive"
    | "rollout";
  model: string;
  name?: string | undefined;
  options: { [key: string]: unknown };
  precision?: "auto" | "bf16" | "f16" | "f32" | undefined;
  samples: number;
  seed: number;
  skip?: number | undefined;
  solver?: "ddim" | "ddpm" | "dpm-solver++" | "heun" | undefined;
  to: number;
  variant: "consistency" | "ddim" | "ddpm";
  width?: number | undefined;
};

type Type37 = {
  backend: null | string;
  createdAt: string;
  device: null | string;
  endedAt: null | string;
  estimate: {
    availableMiB: null | number;
    backend: string;
    judgingSeconds: number;
    memoryMiB: number;
    secondsPerUpdate: number;
    trainingSeconds: number;
    updates: null | number;
  };
  id: string;
  limits: { minutes?: number | undefined; updates?: number | undefined };
  memoryMiB: null | number;
  progress: null | {
    etaSeconds: number;
    fraction: number;
    loss: number;
    trainedSeconds: number;
    update: number;
    updatesPerSecond: number;
  };
  reason: null | string;
  restarts: number;
  settings: Type36;
  startedAt: string;
  state: "cancelled" | "cancelling" | "done" | "failed" | "publishing" | "rejected" | "running";
};

type Type38 = {
  alpha?: number | undefined;
  also?: ({ classes?: number | undefined; from?: number | undefined; steps: number })[] | undefined;
  autoguidance?: number | undefined;
  classes?: number | undefined;
  divergence?: "forward-kl" | "jensen-shannon" | "renyi" | "reverse-kl" | "sds" | "sid" | undefined;
  from?: number | undefined;
};

type Type39 = {
  accept?: number | undefined;
  batch?: number | undefined;
  begin?: "student" | "teacher" | undefined;
  blocks?: number | undefined;
  boundary?: "data" | "teacher" | undefined;
  clamp?: number | undefined;
  data?: string | undefined;
  from?: number | undefined;
  grid?:
    | undefined
    | {
      first?: number | undefined;
      last?: number | undefined;
      start?: undefined | { logSnr: number; spread?: number | undefined };
      type: "logSnr";
    }
    | { rho: number; type: "power" }
    | { type: "uniform" };
  guidance?: undefined | { first: number; last: number };
  keep?: (number)[] | undefined;
  learningRate?: number | undefined;
  match?: Type38 | undefined;
  method?:
    | "consistency"
    | "finetune"
    | "flow-map"
    | "guided"
    | "knowledge"
    | "matching"
    | "moments"
    | "progressive"
    | "rollout"
    | undefined;
  minutes?: number | undefined;
  model?: string | undefined;
  name?: string | undefined;
  options?: undefined | { [key: string]: unknown };
  precision?: "auto" | "bf16" | "f16" | "f32" | undefined;
  samples?: number | undefined;
  seed?: number | undefined;
  skip?: number | undefined;
  solver?: "ddim" | "ddpm" | "dpm-solver++" | "heun" | undefined;
  to?: number | undefined;
  updates?: number | undefined;
  variant?: "consistency" | "ddim" | "ddpm" | undefined;
  width?: number | undefined;
};

type Type40 = {
  $post:
    | { input: { json: Type39 }; output: Type1; outputFormat: "json"; status: 400 }
    | { input: { json: Type39 }; output: Type1; outputFormat: "json"; status: 404 }
    | { input: { json: Type39 }; output: Type1; outputFormat: "json"; status: 409 }
    | { input: { json: Type39 }; output: Type1; outputFormat: "json"; status: 413 }
    | { input: { json: Type39 }; output: Type1; outputFormat: "json"; status: 415 }
    | { input: { json: Type39 }; output: Type1; outputFormat: "json"; status: 422 }
    | { input: { json: Type39 }; output: Type1; outputFormat: "json"; status: 503 }
    | { input: { json: Type39 }; output: Type1; outputFormat: "json"; status: 507 }
    | { input: { json: Type39 }; output: Type37; outputFormat: "json"; status: 202 };
};

type Type41 = {
  $get:
    | { input: { query: { limit?: unknown; offset?: unknown } }; output: Type1; outputFormat: "json"; status: 406 }
    | { input: { query: { limit?: unknown; offset?: unknown } }; output: Type1; outputFormat: "json"; status: 422 }
    | {
      input: { query: { limit?: unknown; offset?: unknown } };
      output: { jobs: (Type37)[]; total: number };
      outputFormat: "json";
      status: 200;
    };
};

type Type42 = {
  loss: ({ loss: number; seconds: number; update: number })[];
  validation: ({
    heldOut: number;
    moleculeStability: null | number;
    seconds: number;
    update: number;
    validUnique: null | number;
    validity: null | number;
  })[];
};

type Type43 = {
  acyclic: { value: number };
  alcohol: { value: number };
  aldehydeOrKetone: { value: number };
  alkene: { value: number };
  alkyne: { value: number };
  amide: { value: number };
  amine: { value: number };
  aromatic: { value: number };
  ester: { value: number };
  ether: { value: number };
  fluorine: { value: number };
  fused: { value: number };
  imine: { value: number };
  nitrile: { value: number };
  nitrogenNitrogen: { value: number };
  nitrogenOxygen: { value: number };
  oxygenOxygen: { value: number };
  ringOfFive: { value: number };
  ringOfFour: { value: number };
  ringOfSix: { value: number };
  ringOfThree: { value: number };
  spiro: { value: number };
};

type Type44 = {
  atomStability: { high: number; low: number; n: number; value: number };
  composition?: Type43 | undefined;
  moleculeStability: { high: number; low: number; n: number; value: number };
  sound?: undefined | { high: number; low: number; n: number; value: number };
  steps: number;
  validUnique: { high: number; low: number; n: number; value: number };
  validity: { high: number; low: number; n: number; value: number };
};

type Type45 = {
  backend: null | string;
  createdAt: string;
  curves: Type42;
  device: null | string;
  endedAt: null | string;
  estimate: {
    availableMiB: null | number;
    backend: string;
    judgingSeconds: number;
    memoryMiB: number;
    secondsPerUpdate: number;
    trainingSeconds: number;
    updates: null | number;
  };
  id: string;
  judged: null | { accepted: boolean; student: Type44; teacher: Type44; why: string };
  limits: { minutes?: number | undefined; updates?: number | undefined };
  memoryMiB: null | number;
  progress: null | {
    etaSeconds: number;
    fraction: number;
    loss: number;
    trainedSeconds: number;
    update: number;
    updatesPerSecond: number;
  };
  reason: null | string;
  restarts: number;
  settings: Type36;
  startedAt: string;
  state: "cancelled" | "cancelling" | "done" | "failed" | "publishing" | "rejected" | "running";
};

type Type46 = {
  $delete:
    | { input: { param: { id: string } }; output: Type1; outputFormat: "json"; status: 404 }
    | { input: { param: { id: string } }; output: Type1; outputFormat: "json"; status: 409 }
    | { input: { param: { id: string } }; output: Type1; outputFormat: "json"; status: 507 }
    | { input: { param: { id: string } }; output: Type37; outputFormat: "json"; status: 202 };
  $get: { input: { param: { id: string } }; output: Type1; outputFormat: "json"; status: 404 } | {
    input: { param: { id: string } };
    output: Type1;
    outputFormat: "json";
    status: 406;
  } | { input: { param: { id: string } }; output: Type45; outputFormat: "json"; status: 200 };
};

type Type47 = {
  $get: {
    input: { header: { "Last-Event-ID"?: string | undefined }; param: { id: string } };
    output: Type1;
    outputFormat: "json";
    status: 400;
  } | {
    input: { header: { "Last-Event-ID"?: string | undefined }; param: { id: string } };
    output: Type1;
    outputFormat: "json";
    status: 404;
  } | {
    input: { header: { "Last-Event-ID"?: string | undefined }; param: { id: string } };
    output: Type1;
    outputFormat: "json";
    status: 406;
  } | {
    input: { header: { "Last-Event-ID"?: string | undefined }; param: { id: string } };
    output: Type1;
    outputFormat: "json";
    status: 409;
  } | {
    input: { header: { "Last-Event-ID"?: string | undefined }; param: { id: string } };
    output: unknown;
    outputFormat: "json";
    status: 200;
  } | {
    input: { header: { "Last-Event-ID"?: string | undefined }; param: { id: string } };
    output: {};
    outputFormat: string;
    status: 204;
  };
};

type Type48 = {
  $post:
    | { input: { param: { id: string } }; output: Type1; outputFormat: "json"; status: 404 }
    | { input: { param: { id: string } }; output: Type1; outputFormat: "json"; status: 409 }
    | { input: { param: { id: string } }; output: Type1; outputFormat: "json"; status: 503 }
    | { input: { param: { id: string } }; output: Type1; outputFormat: "json"; status: 507 }
    | { input: { param: { id: string } }; output: Type37; outputFormat: "json"; status: 202 };
};

type Type49 = {
  bytes: null | number;
  draws: null | number;
  enough: boolean | null;
  moleculesPerSecond: number;
  most: { bytes: number; draws: number; seconds: number };
  passRate: number;
  passRateInterval: [number, number];
  seconds: null | number;
  trial: { drawn: number; duplicates: number; passed: number; seconds: number };
};

type Type50 = {
  algorithm: "ancestral" | "consistency" | "ddim" | "ddpm" | "dpm-solver++" | "heun";
  autoguidance?: number | undefined;
  clamp: number;
  decoding: "argmax" | "valence";
  grid:
    | {
      first?: number | undefined;
      last: number;
      start?: undefined | { logSnr: number; spread: number };
      type: "logSnr";
    }
    | { rho: number; type: "power" }
    | { type: "uniform" };
  model: string;
  options: { [key: string]: unknown };
  sampler: "ancestral" | "consistency" | "ddim" | "ddpm" | "distilled" | "dpm-solver++" | "heun";
  size?: undefined | { max: number; min: number };
  steps: number;
};

type Type51 = {
  atoms?: [number, number] | number | undefined;
  autoguidance?: number | undefined;
  clamp?: number | undefined;
  condition?: undefined | {
    alpha?: number | undefined;
    cv?: number | undefined;
    gap?: number | undefined;
    homo?: number | undefined;
    lumo?: number | undefined;
    mu?: number | undefined;
  };
  decoding?: "argmax" | "valence" | undefined;
  fixed?: undefined | {
    atoms?: (number)[] | undefined;
    attach?: (number)[] | undefined;
    molblock: string;
    resample?: undefined | { back: number; times: number };
  };
  formats: ("ndjson" | "parquet" | "sdf")[];
  grid?:
    | undefined
    | {
      first?: number | undefined;
      last: number;
      start?: undefined | { logSnr: number; spread: number };
      type: "logSnr";
    }
    | { rho: number; type: "power" }
    | { type: "uniform" };
  guidance?: number | undefined;
  heavyAtoms?: [number, number] | number | undefined;
  maxDraws?: number | undefined;
  model: string;
  name?: string | undefined;
  options?: undefined | { [key: string]: unknown };
  refine?: "mmff94" | "mmff94-qm9" | "mmff94s" | "none" | undefined;
  sampler?: "ancestral" | "consistency" | "ddim" | "ddpm" | "distilled" | "dpm-solver++" | "heun" | undefined;
  seed?: number | undefined;
  shardSize: number;
  steps: number;
  unique: "flat" | "inchikey" | "none";
  want: number;
  where: Type17;
};

type Type52 = {
  backend: string;
  draws: number;
  estimate: Type49;
  order: Type51;
  precision: "bf16" | "f16" | "f32";
  quota: { bytes: number; campaigns: number; draws: number };
  refine: "mmff94" | "mmff94-qm9" | "mmff94s" | "none";
  seed: number;
  settings: Type50;
  shards: number;
  version: string;
  warnings?: (string)[] | undefined;
};

type Type53 = {
  atoms?: [number, number] | number | undefined;
  autoguidance?: number | undefined;
  clamp?: number | undefined;
  condition?: undefined | {
    alpha?: number | undefined;
    cv?: number | undefined;
    gap?: number | undefined;
    homo?: number | undefined;
    lumo?: number | undefined;
    mu?: number | undefined;
  };
  decoding?: "argmax" | "valence" | undefined;
  dryRun?: boolean | undefined;
  fixed?: undefined | {
    atoms?: (number)[] | undefined;
    attach?: (number)[] | undefined;
    molblock: string;
    resample?: undefined | { back?: number | undefined; times: number };
  };
  formats?: ("ndjson" | "parquet" | "sdf")[] | undefined;
  grid?:
    | undefined
    | {
      first?: number | undefined;
      last?: number | undefined;
      start?: undefined | { logSnr: number; spread?: number | undefined };
      type: "logSnr";
    }
    | { rho: number; type: "power" }
    | { type: "uniform" };
  guidance?: number | undefined;
  heavyAtoms?: [number, number] | number | undefined;
  maxDraws?: number | undefined;
  model?: string | undefined;
  name?: string | undefined;
  options?: undefined | { [key: string]: unknown };
  refine?: "mmff94" | "mmff94-qm9" | "mmff94s" | "none" | undefined;
  sampler?: "ancestral" | "consistency" | "ddim" | "ddpm" | "distilled" | "dpm-solver++" | "heun" | undefined;
  seed?: number | undefined;
  shardSize?: number | undefined;
  steps: number;
  unique?: "flat" | "inchikey" | "none" | undefined;
  want: number;
  where?: Type17 | undefined;
};

type Type54 = {
  bytes: { ndjson: number; parquet: number; sdf: number };
  drawn: number;
  duplicates: number;
  etaSeconds: null | number;
  flat?: number | undefined;
  fraction: number;
  kept: number;
  moleculesPerSecond: null | number;
  passed: number;
  rejected: { [key: string]: number };
  seconds: number;
  shards: number;
  text: number;
};

type Type55 = {
  backend: string;
  createdAt: string;
  draws: number;
  endedAt: null | string;
  estimate: Type49;
  id: string;
  name: null | string;
  order: Type51;
  precision: "bf16" | "f16" | "f32";
  progress: Type54;
  reason: null | string;
  refine: "mmff94" | "mmff94-qm9" | "mmff94s" | "none";
  results: { ndjson: null | number; parquet: null | number; sdf: null | number };
  seed: number;
  settings: Type50;
  shards: number;
  state: "done" | "failed" | "finishing" | "paused" | "running";
  version: string;
  want: number;
  warnings?: (string)[] | undefined;
};

type Type56 = {
  $get:
    | { input: { query: { limit?: unknown; offset?: unknown } }; output: Type1; outputFormat: "json"; status: 406 }
    | { input: { query: { limit?: unknown; offset?: unknown } }; output: Type1; outputFormat: "json"; status: 422 }
    | {
      input: { query: { limit?: unknown; offset?: unknown } };
      output: { campaigns: (Type55)[]; total: number };
      outputFormat: "json";
      status: 200;
    };
  $post:
    | { input: { json: Type53 }; output: Type1; outputFormat: "json"; status: 400 }
    | { input: { json: Type53 }; output: Type1; outputFormat: "json"; status: 404 }
    | { input: { json: Type53 }; output: Type1; outputFormat: "json"; status: 409 }
    | { input: { json: Type53 }; output: Type1; outputFormat: "json"; status: 413 }
    | { input: { json: Type53 }; output: Type1; outputFormat: "json"; status: 415 }
    | { input: { json: Type53 }; output: Type1; outputFormat: "json"; status: 422 }
    | { input: { json: Type53 }; output: Type1; outputFormat: "json"; status: 429 }
    | { input: { json: Type53 }; output: Type1; outputFormat: "json"; status: 503 }
    | { input: { json: Type53 }; output: Type1; outputFormat: "json"; status: 507 }
    | { input: { json: Type53 }; output: Type52; outputFormat: "json"; status: 200 }
    | { input: { json: Type53 }; output: Type55; outputFormat: "json"; status: 202 };
};

type Type57 = {
  backend: string;
  createdAt: string;
  dead: ({ deliveries: number; reason: null | string; shard: number; worker: null | string })[];
  draws: number;
  endedAt: null | string;
  estimate: Type49;
  id: string;
  name: null | string;
  order: Type51;
  precision: "bf16" | "f16" | "f32";
  progress: Type54;
  reason: null | string;
  refine: "mmff94" | "mmff94-qm9" | "mmff94s" | "none";
  results: { ndjson: null | number; parquet: null | number; sdf: null | number };
  seed: number;
  settings: Type50;
  shards: number;
  state: "done" | "failed" | "finishing" | "paused" | "running";
  version: string;
  want: number;
  warnings?: (string)[] | undefined;
};

type Type58 = {
  $delete:
    | { input: { param: { id: string } }; output: Type1; outputFormat: "json"; status: 404 }
    | { input: { param: { id: string } }; output: Type1; outputFormat: "json"; status: 409 }
    | { input: { param: { id: string } }; output: Type1; outputFormat: "json"; status: 503 }
    | { input: { param: { id: string } }; output: Type1; outputFormat: "json"; status: 507 }
    | { input: { param: { id: string } }; output: {}; outputFormat: string; status: 204 };
  $get:
    | { input: { param: { id: string } }; output: Type1; outputFormat: "json"; status: 404 }
    | { input: { param: { id: string } }; output: Type1; outputFormat: "json"; status: 406 }
    | { input: { param: { id: string } }; output: Type1; outputFormat: "json"; status: 503 }
    | { input: { param: { id: string } }; output: Type57; outputFormat: "json"; status: 200 };
};

type Type59 = {
  $post:
    | { input: { param: { id: string } }; output: Type1; outputFormat: "json"; status: 404 }
    | { input: { param: { id: string } }; output: Type1; outputFormat: "json"; status: 409 }
    | { input: { param: { id: string } }; output: Type1; outputFormat: "json"; status: 503 }
    | { input: { param: { id: string } }; output: Type1; outputFormat: "json"; status: 507 }
    | { input: { param: { id: string } }; output: Type55; outputFormat: "json"; status: 202 };
};

type Type60 = {
  input: {
    header: { "If-Range"?: string | undefined; Range?: string | undefined };
    param: { id: string };
    query: { format?: "ndjson" | "parquet" | "sdf" | undefined; limit?: unknown; offset?: unknown };
  };
  output: string;
  outputFormat: "json";
  status: 200;
};

type Type61 = {
  input: {
    header: { "If-Range"?: string | undefined; Range?: string | undefined };
    param: { id: string };
    query: { format?: "ndjson" | "parquet" | "sdf" | undefined; limit?: unknown; offset?: unknown };
  };
  output: string;
  outputFormat: "json";
  status: 206;
};

type Type62 = {
  input: {
    header: { "If-Range"?: string | undefined; Range?: string | undefined };
    param: { id: string };
    query: { format?: "ndjson" | "parquet" | "sdf" | undefined; limit?: unknown; offset?: unknown };
  };
  output: Type1;
  outputFormat: "json";
  status: 404;
};

type Type63 = {
  input: {
    header: { "If-Range"?: string | undefined; Range?: string | undefined };
    param: { id: string };
    query: { format?: "ndjson" | "parquet" | "sdf" | undefined; limit?: unknown; offset?: unknown };
  };
  output: Type1;
  outputFormat: "json";
  status: 416;
};

type Type64 = {
  input: {
    header: { "If-Range"?: string | undefined; Range?: string | undefined };
    param: { id: string };
    query: { format?: "ndjson" | "parquet" | "sdf" | undefined; limit?: unknown; offset?: unknown };
  };
  output: Type1;
  outputFormat: "json";
  status: 422;
};

type Type65 = {
  filter?: boolean | undefined;
  gamma?: number | string | undefined;
  min_add_len?: number | string | undefined;
  model?: string | undefined;
  noise?: number | string | undefined;
  num_molecules?: number | string | undefined;
  refine?: "mmff94" | "mmff94-qm9" | "mmff94s" | "none" | undefined;
  scoring?: "LogP" | "QED" | undefined;
  seed?: number | undefined;
  smiles?: null | string | undefined;
  step_size?: number | string | undefined;
  steps?: number | undefined;
  temperature?: number | string | undefined;
  unique?: boolean | undefined;
};

type Type66 = {
  $post:
    | { input: { json: Type65 }; output: Type1; outputFormat: "json"; status: 400 }
    | { input: { json: Type65 }; output: Type1; outputFormat: "json"; status: 404 }
    | { input: { json: Type65 }; output: Type1; outputFormat: "json"; status: 406 }
    | { input: { json: Type65 }; output: Type1; outputFormat: "json"; status: 413 }
    | { input: { json: Type65 }; output: Type1; outputFormat: "json"; status: 415 }
    | { input: { json: Type65 }; output: Type1; outputFormat: "json"; status: 422 }
    | { input: { json: Type65 }; output: Type1; outputFormat: "json"; status: 429 }
    | { input: { json: Type65 }; output: Type1; outputFormat: "json"; status: 503 }
    | { input: { json: Type65 }; output: Type1; outputFormat: "json"; status: 504 }
    | {
      input: { json: Type65 };
      output: { molecules: ({ score: number; sdf: string; smiles: string })[]; status: "success" };
      outputFormat: "json";
      status: 200;
    };
};

type Type67 = {
  $get: { input: {}; output: Type1; outputFormat: "json"; status: 503 } | {
    input: {};
    output: { message: string; object: "health.response"; status: "live" | "ready" };
    outputFormat: "json";
    status: 200;
  };
};

type Type68 = {
  "/campaigns": Type56;
  "/campaigns/:id": Type58;
  "/campaigns/:id/events": Type47;
  "/campaigns/:id/results": { $get: Type60 | Type61 | Type62 | Type63 | Type64 };
  "/campaigns/:id/resume": Type59;
  "/conformers": Type28;
  "/data": Type31;
  "/data/:id": Type34;
  "/distill": Type40;
  "/generate": Type19;
  "/generate/path": Type23;
  "/health/live": {
    $get: { input: {}; output: { readOnly?: string | undefined; status: "ok" }; outputFormat: "json"; status: 200 };
  };
  "/health/ready": {
    $get: { input: {}; output: Type1; outputFormat: "json"; status: 503 } | {
      input: {};
      output: { readOnly?: string | undefined; status: "ok" };
      outputFormat: "json";
      status: 200;
    };
  };
  "/jobs": Type41;
  "/jobs/:id": Type46;
  "/jobs/:id/events": Type47;
  "/jobs/:id/resume": Type48;
  "/metrics": {
    $get: { input: {}; output: Type1; outputFormat: "json"; status: 404 } | {
      input: {};
      output: unknown;
      outputFormat: "json";
      status: 200;
    };
  };
  "/models": Type3;
  "/models/:name": Type13;
  "/models/:name/steps/:steps": Type14;
  "/v1/generate": Type66;
  "/v1/health/live": {
    $get: {
      input: {};
      output: { message: string; object: "health.response"; status: "live" | "ready" };
      outputFormat: "json";
      status: 200;
    };
  };
  "/v1/health/ready": Type67;
};
