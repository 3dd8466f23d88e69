/** Batches of noisy heavy-atom latents, each a function of the seed and the update alone. */
import type { PropertyValues } from "../../chem/properties.ts";
import { conditioned } from "../diffusion/condition.ts";
import { alignNoise, type AlignOptions, type Coupling } from "../diffusion/coupling/align.ts";
import { randomRotation, writeLatent } from "../networks/heavy_atom/encode.ts";
import type { ExampleSet } from "../networks/heavy_atom/examples.ts";
import { heavyAtomSpace, type LatentForm, QM9_CLASSES } from "../networks/heavy_atom/space.ts";
import { drawNoise, latentLength } from "../diffusion/latent.ts";
import { PURPOSE, random } from "../diffusion/random.ts";
import { timeAtLogSnr } from "../diffusion/schedules.ts";
import type { Schedule } from "../diffusion/types.ts";
import type { Group } from "../diffusion/learner.ts";
import { drawTold, type Told } from "./conditions.ts";
import type { Focus } from "./settings.ts";
import { type LossOptions, lossWeights } from "./weights.ts";

/** What a batch is drawn from and how. */
export interface BatchOptions extends LatentForm {
  readonly examples: ExampleSet;
  /** Molecules an update. */
  readonly batch: number;
  readonly seed: number;
  /** The update that the batch is for, 0, 1, ... */
  readonly update: number;
  readonly schedule: Schedule;
  /** How molecules and noise are paired. Default independent. */
  readonly coupling?: Coupling;
  /** For comparisons; see there. */
  readonly align?: AlignOptions;
  /** Where more of the times are drawn. Default: nowhere, they are uniform. */
  readonly focus?: Focus;
  /** Other weights of the loss' parts. */
  readonly loss?: LossOptions;
  /** Share of the molecules whose u is noise alone and does not count in the loss. Default 0. */
  readonly uDropout?: number;
  /** Log-SNR from which u is dropped so, of `uDropout`; at noisier times none is. Default: at all times. */
  readonly uDropoutFrom?: number;
  /**
   * Spread of noise that positions, s and u get beside their own, in units of sigma, while the target and what the network is told stay: so it learns
   * on inputs as inexact as its own samples are (input perturbation: Ning et al., "Input perturbation reduces exposure bias in diffusion
   * models", 2023, algorithm 1). Default 0.
   */
  readonly perturb?: number;
  /**
   * Share of the molecules whose graph is given: their classes and bond orders are clean, the network is told so, and they do not count in the loss. Noise that is
   * aligned is then only turned, as a known graph says which node is which. Default 0.
   */
  readonly graphGiven?: number;
  /** Properties that the network is told of the examples; none where absent. */
  readonly told?: Told;
  /** Number of node classes; QM9's 12 where not given. */
  readonly classes?: number;
}

/**
 * The time that belongs to a uniform number in (0, 1). Without a focus it is that number; with one, the first `share` of the numbers give times
 * whose log-SNR is uniform between the focus' ends, and the rest uniform times.
 */
export function timeOf(uniform: number, schedule: Schedule, focus?: Focus): number {
  if (!focus) return uniform;
  const { first, last, share } = focus;
  if (uniform < share) return timeAtLogSnr(schedule, first + (last - first) * (uniform / share));
  return (uniform - share) / (1 - share);
}

/** A molecule of a batch. */
interface Member {
  readonly index: number;
  readonly t: number;
  readonly properties?: PropertyValues;
  readonly graph?: true;
}

/** Whether number i of a latent is of its graph: beyond its nodes, or beyond the vectors of one. */
const isGraph = (i: number, ofNodes: number, width: number, vectors: number): boolean =>
  i >= ofNodes || i % width >= vectors;

/**
 * Draws `batch` molecules with replacement, each with its own time, rotation, draw of u and noise, grouped by size. Noise that is
 * aligned is drawn like any other, so that the draws are the same for both couplings.
 * Times are stratified: of one uniform number in each of `batch` equal parts of (0, 1), which leaves each as `timeOf` says.
 */
export function makeGroups(options: BatchOptions): Group[] {
  const {
    examples,
    batch,
    seed,
    update,
    schedule,
    coupling,
    align,
    focus,
    loss,
    uDropout = 0,
    uDropoutFrom = -Infinity,
    perturb = 0,
    graphGiven = 0,
    told,
    classes = QM9_CLASSES.length,
  } = options;
  if (!(Number.isInteger(batch) && batch > 0)) throw new RangeError(`batch must be a positive integer; got ${batch}`);
  if (examples.count === 0) throw new RangeError("examples must be at least 1; got 0");
  const stream = random(seed, update, PURPOSE.batch), space = heavyAtomSpace({ length: classes }, options);
  const dropout = uDropout > 0 ? random(seed, update, PURPOSE.dropout) : undefined;
  const giving = graphGiven > 0 ? random(seed, update, PURPOSE.graphGiven) : undefined;
  const telling = told && random(seed, update, PURPOSE.told);
  const perturbing = perturb > 0 ? random(seed, update, PURPOSE.perturb) : undefined;
  /** Numbers of a node, and where its u is. */
  const width = 3 * space.vectors + classes, u = 3 * (space.vectors - 1);
  const drawn = new Map<number, Member[]>();
  for (let k = 0; k < batch; k++) {
    const index = stream.integer(examples.count), t = timeOf((k + stream.uniform()) / batch, schedule, focus);
    const { nodes } = examples.example(index);
    const member = {
      ...{ index, t },
      ...telling && { properties: drawTold(told, index, telling) },
      ...giving && giving.uniform() < graphGiven && { graph: true as const },
    };
    drawn.set(nodes, [...drawn.get(nodes) ?? [], member]);
  }
  return [...drawn].sort(([a], [b]) => b - a).map(([nodes, all]) => {
    // Those with their graph behind the others.
    const members = [...all.filter(({ graph }) => !graph), ...all.filter(({ graph }) => graph)];
    const B = members.length,
      open = members.filter(({ graph }) => !graph).length,
      shape = { batch: B, nodes },
      length = latentLength(space, nodes);
    const target = new Float32Array(B * length), weights = new Float32Array(B * 3);
    const at = conditioned(members.map(({ t, index: _, ...rest }) => ({ time: t, ...rest })), schedule),
      { alpha, sigma } = at;
    members.forEach((member, b) => {
      weights.set(lossWeights(schedule(member.t).sigma, loss), 3 * b);
      if (member.graph) weights.fill(0, 3 * b + 1, 3 * b + 3);
      writeLatent(examples.example(member.index), classes, randomRotation(stream), stream, target, b * length, options);
    });
    // Noise in place: z = alpha target + sigma noise.
    const z = drawNoise(space, shape, Array(B).fill(stream));
    if (coupling === "aligned") {
      const [noise, clean] = [z, target].map((of) => [of.subarray(0, open * length), of.subarray(open * length)]);
      alignNoise(noise[0], clean[0], space, { batch: open, nodes }, align);
      alignNoise(noise[1], clean[1], space, { batch: B - open, nodes }, { ...align, permute: false });
    }
    const beside = perturbing && drawNoise(space, shape, Array(B).fill(perturbing));
    const lastVector = Float32Array.from(members, ({ t }) => {
      if (!dropout) return 1;
      const drawn = dropout.uniform(); // one for each, whatever its time
      return drawn < uDropout && schedule(t).logSnr >= uDropoutFrom ? 0 : 1;
    });
    for (let b = 0; b < B; b++) {
      const ofNodes = nodes * width, from = b * length, dropped = lastVector[b] === 0;
      for (let i = 0; i < length; i++) {
        // Of a dropped u the noise alone is left.
        if (dropped && i < ofNodes && i % width >= u && i % width < u + 3) continue;
        if (b >= open && isGraph(i, ofNodes, width, u + 3)) {
          z[from + i] = target[from + i];
          continue;
        }
        z[from + i] = alpha[b] * target[from + i] + sigma[b] * z[from + i];
        if (beside && i < ofNodes && i % width < 3 * space.vectors) {
          z[from + i] += perturb * sigma[b] * beside[from + i];
        }
      }
    }
    return { shape, z, target, ...at, weights, ...dropout && { lastVector } };
  });
}
