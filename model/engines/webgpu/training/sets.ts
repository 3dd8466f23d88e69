/** The coordinate sets' way forward and back, a workgroup a molecule; docs/denoiser.md, "A block". */
import { SETS } from "../../../networks/pair_attention/parameters.ts";
import type { LatentSpace } from "../../../diffusion/types.ts";
import type { Gpu } from "../device.ts";
import { createKernel, type Kernel } from "../kernel.ts";
import { unroll } from "./text.ts";
import { eachMolecule, INDEX, MAIN, OWN_SHARES, READ, WORDS, WRITE } from "./molecules.ts";

const LINES = 4, THREADS = SETS * LINES, WIDE = 3 * SETS;

const main = (work: string) => `
var<workgroup> partial: array<array<f32, ${SETS}>, ${LINES}>;
@compute @workgroup_size(${THREADS})
fn main(${MAIN}) {
  let channel = thread % ${SETS}u; let line = thread / ${SETS}u;
  ${work}
}`;

/** Work on the three numbers of each of this thread's nodes: `k`, `k + 16` and `k + 32` of an array `[rows, 3, 16]`. */
const nodes = (work: string) => `
  for (var i = line; i < n; i += ${LINES}u) {
    let row = first + i; let k = row * ${WIDE}u + channel;
    ${work}
  }`;

/** `name` becomes the sum over the lines of what each has in it. */
const sumOver = (name: string) => `
  partial[line][channel] = ${name};
  workgroupBarrier();
  ${name} = ${Array.from({ length: LINES }, (_, l) => `partial[${l}][channel]`).join(" + ")};
  workgroupBarrier();`;

const vector = (of: string) => `vec3<f32>(${of}[k], ${of}[k + ${SETS}u], ${of}[k + ${2 * SETS}u])`;
const assign = (to: string, value: string) => unroll(3, (a) => `${to}[k + ${a * SETS}u] = ${value}.${"xyz"[a]};`);

/** From `sets`, of which each thread has summed up squares in `square`. */
const normalise = `
  ${sumOver("square")}
  let scale = 1.0 / sqrt(square / f32(n) + 1e-2);
  if (line == 0u) { scales[molecule * ${SETS}u + channel] = scale; }
  ${
  nodes(`let x = scale * ${vector("sets")};
    ${assign("normalised", "x")}
    norms[row * ${SETS}u + channel] = sqrt(dot(x, x) + 1e-4);`)
}`;

const OUTPUTS = { sets: WRITE, normalised: WRITE, norms: WRITE, scales: WRITE } as const;

/** X = sum_v v_v cin[v] and its normalisation. */
export function createFirstSets(
  gpu: Gpu,
  { vectors: V, scalars: K }: LatentSpace,
): Promise<Kernel<keyof typeof INDEX | "latents" | "weight" | keyof typeof OUTPUTS>> {
  return createKernel(gpu, {
    label: "first sets",
    bindings: { ...INDEX, latents: READ, weight: READ, ...OUTPUTS },
    code: main(eachMolecule(`
    var square = 0.0;
    ${
      nodes(`var x = vec3<f32>();
      for (var v = 0u; v < ${V}u; v++) {
        let begins = at + i * ${3 * V + K}u + 3u * v;
        x += weight[v * ${SETS}u + channel] * vec3<f32>(latents[begins], latents[begins + 1u], latents[begins + 2u]);
      }
      ${assign("sets", "x")}
      square += dot(x, x);`)
    }
    ${normalise}`)),
  });
}

/** X += (updates + g Xn) mix and its normalisation; `before` is Xn. */
export function createNextSets(
  gpu: Gpu,
): Promise<Kernel<keyof typeof INDEX | "gates" | "updates" | "before" | "weight" | keyof typeof OUTPUTS>> {
  return createKernel(gpu, {
    label: "next sets",
    bindings: { ...INDEX, gates: READ, updates: READ, before: READ, weight: READ, ...OUTPUTS },
    code: main(eachMolecule(`
    var square = 0.0;
    ${
      nodes(`var x = ${vector("sets")};
      for (var c = 0u; c < ${SETS}u; c++) {
        let g = gates[row * ${SETS}u + c]; let k = row * ${WIDE}u + c;
        x += weight[c * ${SETS}u + channel] * (${vector("updates")} + g * ${vector("before")});
      }
      ${assign("sets", "x")}
      square += dot(x, x);`)
    }
    ${normalise}`)),
  });
}

/** Through the normalisation: `dsets` takes on what `dnormalised` and `dnorms` say of Xn and its norms. */
const normalisationBackward = `
  var along = 0.0;
  ${
  nodes(`let x = ${vector("normalised")};
    let d = ${vector("dnormalised")} + x * (dnorms[row * ${SETS}u + channel] / norms[row * ${SETS}u + channel]);
    along += dot(d, x);`)
}
  ${sumOver("along")}
  let scale = scales[molecule * ${SETS}u + channel];
  ${
  nodes(`let x = ${vector("normalised")};
    let d = ${vector("dnormalised")} + x * (dnorms[row * ${SETS}u + channel] / norms[row * ${SETS}u + channel]);
    let dx = ${vector("dsets")} + scale * (d - x * (along / f32(n)));
    ${assign("dsets", "dx")}`)
}`;

const BACKWARD = {
  ...INDEX,
  normalised: READ,
  norms: READ,
  scales: READ,
  dnorms: READ,
  dnormalised: WRITE,
  dsets: WRITE,
  place: WORDS,
  shares: WRITE,
} as const;

/**
 * Back through the normalisation after a block, then through the block's X += (updates + g Xn) mix: `dsets` is brought up to date,
 * `dupdates` and the gradient of what the gates' tanh takes are found, `dnormalised` begins anew with what the gates give to
 * `before`, this block's Xn. `place[0]`: where a workgroup's share of the gradient of the mixing lies in its part of `shares`.
 */
export function createSetsBackward(
  gpu: Gpu,
): Promise<Kernel<keyof typeof BACKWARD | "before" | "gates" | "updates" | "weight" | "dupdates" | "dgates">> {
  const mixes = SETS * SETS / THREADS;
  return createKernel(gpu, {
    label: "sets, backward",
    bindings: {
      ...BACKWARD,
      before: READ,
      gates: READ,
      updates: READ,
      weight: READ,
      dupdates: WRITE,
      dgates: WRITE,
    },
    code: main(`
  ${unroll(mixes, (u) => `var mix${u} = 0.0;`)}
  ${
      eachMolecule(`
    ${normalisationBackward}
    storageBarrier();
    workgroupBarrier();
    ${
        nodes(`var d = vec3<f32>();
      for (var c = 0u; c < ${SETS}u; c++) {
        let k = row * ${WIDE}u + c;
        d += weight[channel * ${SETS}u + c] * ${vector("dsets")};
      }
      let x = ${vector("before")}; let g = gates[row * ${SETS}u + channel];
      let dx = g * d;
      ${assign("dupdates", "d")}
      ${assign("dnormalised", "dx")}
      dgates[row * ${SETS}u + channel] = dot(d, x) * (1.0 - g * g);`)
      }
    for (var i = 0u; i < n; i++) {
      let row = first + i;
      var k = row * ${WIDE}u + channel;
      let d = ${vector("dsets")};
      ${
        unroll(
          mixes,
          (u) =>
            `k = row * ${WIDE}u + line + ${u * LINES}u;
      mix${u} += dot(d, ${vector("updates")} + gates[row * ${SETS}u + line + ${u * LINES}u] * ${vector("before")});`,
        )
      }
    }
    workgroupBarrier();`)
    }
  ${
      unroll(
        mixes,
        (u) => `shares[${OWN_SHARES} + place[0] + (line + ${u * LINES}u) * ${SETS}u + channel] = mix${u};`,
      )
    }`),
  });
}

/** Back through the first normalisation to the gradient of the weights that make the sets of the latents' vectors. */
export function createFirstSetsBackward(
  gpu: Gpu,
  { vectors: V, scalars: K }: LatentSpace,
): Promise<Kernel<keyof typeof BACKWARD | "latents">> {
  return createKernel(gpu, {
    label: "first sets, backward",
    bindings: { ...BACKWARD, dnormalised: READ, latents: READ },
    code: main(`
  ${unroll(V, (v) => `var weight${v} = 0.0;`)}
  ${
      eachMolecule(`
    ${normalisationBackward}
    ${
        nodes(`let d = ${vector("dsets")}; let begins = at + i * ${3 * V + K}u;
      ${
          unroll(
            V,
            (v) =>
              `weight${v} += dot(d, vec3<f32>(${[0, 1, 2].map((a) => `latents[begins + ${3 * v + a}u]`).join(", ")}));`,
          )
        }`)
      }`)
    }
  ${
      unroll(V, (v) =>
        `${sumOver(`weight${v}`)}
  if (line == 0u) { shares[${OWN_SHARES} + place[0] + ${v * SETS}u + channel] = weight${v}; }`)
    }`),
  });
}
