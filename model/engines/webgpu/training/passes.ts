/**
 * A training step's way forward and back as lists of dispatches, in the order of docs/denoiser.md. The way forward keeps what is a
 * node's: of each block its input, projections, mixture, hidden layer, gates and normalised sets. Nothing of a pair is kept: the
 * way back computes pairs again.
 */
import type { Gpu } from "../device.ts";
import type { Kernel, Resource } from "../kernel.ts";
import { uploadAll } from "../memory.ts";
import { productGroups } from "../products.ts";
import { momentGroups } from "../rows.ts";
import type { TrainingArrays } from "./arrays.ts";
import { weightGroups } from "./gradients.ts";
import { layerSizes, type TrainingKernels, type TrainingOptions } from "./kernels.ts";
import type { TrainingLayout } from "./layout.ts";
import { type Extent, groupsOf } from "./molecules.ts";
import { normGroups } from "./norms.ts";
import { sumGroups } from "./sums.ts";

/** Records a pass over a batch. */
export type Pass = (pass: GPUComputePassEncoder, extent: Extent) => void;

/** What the passes read and write beside their arrays. */
export interface Sinks {
  readonly extent: GPUBuffer;
  readonly partials: GPUBuffer;
  readonly shares: GPUBuffer;
  readonly gradient: GPUBuffer;
  readonly squares: GPUBuffer;
  readonly kinds: GPUBuffer;
}

/** Where gradients go, as small arrays of numbers on the device that kernels read: `place` of each kernel. */
export function createPlaces(gpu: Gpu, { parts, products }: TrainingLayout, blocks: number) {
  const at = (name: string) => parts.get(name)!.offset, share = (name: string) => at(name) - products;
  const places = new Map<string, Uint32Array>();
  const layer = (name: string) => places.set(name, Uint32Array.of(at(name), at(`${name}.bias`)));
  for (let b = 0; b < blocks; b++) {
    const block = `blocks.${b}`;
    for (const name of ["projected", "out", "up", "down"]) layer(`${block}.${name}`);
    places.set(
      `${block}.pairs`,
      Uint32Array.from([`${block}.radial`, `${block}.pair`, `${block}.pair.bias`], share),
    );
    places.set(`${block}.mix`, Uint32Array.of(share(`${block}.mix`)));
  }
  layer("input");
  layer("ends");
  places.set("coordinates.in", Uint32Array.of(share("coordinates.in")));
  const end = ["bonds.pair", "bonds.pair.bias", "bonds.out", "bonds.out.bias", "coordinates.out", "losses"];
  places.set("loss", Uint32Array.from(end, share));
  return uploadAll(gpu, "places", places);
}

/** The two ways, the loss between them, and the sums. */
export interface Passes {
  readonly forward: Pass;
  /** The losses, and the gradients of the end. */
  readonly loss: Pass;
  /** From there to all gradients; `dh` must be zero. */
  readonly backward: Pass;
  readonly sums: Pass;
}

/** Binds the kernels to weights and arrays, once for many batches. */
export function bindPasses(
  options: TrainingOptions,
  kernels: TrainingKernels,
  layout: TrainingLayout,
  slices: number,
  weights: (name: string) => Resource,
  place: (name: string) => Resource,
  { blocks, levels, work, batch }: TrainingArrays,
  { extent, partials, shares, gradient, squares, kinds }: Sinks,
): Passes {
  const { sizes: { blocks: count } } = options, size = layerSizes(options);
  type Layer = keyof typeof size;
  let list: Pass[] = [];
  /** The dispatches that `make` adds, as one pass. */
  const collect = (make: () => void): Pass => {
    const own: Pass[] = list = [];
    make();
    return (pass, at) => own.forEach((dispatch) => dispatch(pass, at));
  };
  const add = <Name extends string>(
    kernel: Kernel<Name>,
    resources: Record<Name, Resource>,
    workgroups: (extent: Extent) => readonly [number, number?],
  ) => {
    const group = kernel.bind(resources);
    list.push((pass, at) => kernel.run(pass, group, workgroups(at)));
  };
  const linear = (name: string) => ({ weight: weights(name), bias: weights(`${name}.bias`) });
  const forwards = (layer: Layer) => ({ rows }: Extent) => productGroups(rows, size[layer].columns);
  const inputs = (layer: Layer) => ({ rows }: Extent) => productGroups(rows, size[layer].terms);
  const layers = (layer: Layer) => () => weightGroups(size[layer].terms, size[layer].columns, slices);
  const molecules = (at: Extent) => groupsOf(at.molecules);
  const index = { index: batch.index, extent }, { latents } = batch;
  const moments = (rows: GPUBuffer, moments: GPUBuffer) =>
    add(kernels.moments, { rows, moments }, (at) => momentGroups(at.rows));
  const before = (b: number) => ({ rows: levels[b].h, norms: levels[b].norms, moments: levels[b].moments1 });
  const within = (b: number) => ({ rows: blocks[b].middle, norms: levels[b].norms, moments: blocks[b].moments2 });
  const setsOf = (b: number) => {
    const { normalised, norms, scales } = levels[b];
    return { normalised, norms, scales };
  };
  const network = (b: number) => ({
    latents,
    normalised: levels[b].normalised,
    projected: blocks[b].projected,
    radial_weight: weights(`blocks.${b}.radial`),
    pair_weight: weights(`blocks.${b}.pair`),
    pair_bias: weights(`blocks.${b}.pair.bias`),
  });

  const forward = collect(() => {
    const { sets, ends } = work;
    add(
      kernels.forward.input,
      { ...linear("input"), inputs: batch.inputs, result: levels[0].h },
      forwards("input"),
    );
    add(kernels.firstSets, { ...index, latents, weight: weights("coordinates.in"), sets, ...setsOf(0) }, molecules);
    for (let b = 0; b < count; b++) {
      const at = `blocks.${b}`, { projected, mixed, updates, middle, moments2, up, gates } = blocks[b];
      moments(levels[b].h, levels[b].moments1);
      add(
        kernels.forward.projected,
        { ...linear(`${at}.projected`), ...before(b), result: projected },
        forwards("projected"),
      );
      add(
        kernels.pairs,
        { ...index, owners: batch.owners, ...network(b), mixed, updates },
        ({ rows }) => [Math.min(rows, ROW_GROUPS)],
      );
      add(
        kernels.forward.out,
        { ...linear(`${at}.out`), mixed, before: levels[b].h, result: middle },
        forwards("out"),
      );
      moments(middle, moments2);
      add(kernels.forward.up, { ...linear(`${at}.up`), ...within(b), result: up }, forwards("up"));
      add(
        kernels.forward.down,
        { ...linear(`${at}.down`), up, before: middle, result: levels[b + 1].h, gates },
        forwards("down"),
      );
      add(kernels.nextSets, {
        ...index,
        gates,
        updates,
        before: levels[b].normalised,
        weight: weights(`${at}.mix`),
        sets,
        ...setsOf(b + 1),
      }, molecules);
    }
    const { h, moments1 } = levels[count];
    moments(h, moments1);
    add(kernels.forward.ends, { ...linear("ends"), rows: h, moments: moments1, result: ends }, forwards("ends"));
  });

  const loss = collect(() => {
    const { sets, ends, dends, dsets, dnormalised, dnorms } = work;
    add(kernels.loss, {
      ...index,
      latents,
      targets: batch.targets,
      conditions: batch.conditions,
      sets,
      normalised: levels[count].normalised,
      ends,
      pair_weight: weights("bonds.pair"),
      pair_bias: weights("bonds.pair.bias"),
      out_weight: weights("bonds.out"),
      out_bias: weights("bonds.out.bias"),
      coordinates: weights("coordinates.out"),
      place: place("loss"),
      dends,
      dsets,
      dnormalised,
      dnorms,
      shares,
    }, molecules);
  });

  const backward = collect(() => {
    const { dends, dh, dnormed, dnorms, dsets, dnormalised, dupdates, dgates, dhidden, dmixed, dprojected } = work;
    const back = { dnorms, dnormalised, dsets, shares };
    const weightOf = (name: string) => ({ extent, place: place(name), partials });
    const norm = (rows: GPUBuffer, moments: GPUBuffer) =>
      add(kernels.norm, { rows, moments, dnormed, dh }, (at) => normGroups(at.rows));
    const { h, moments1 } = levels[count];
    add(kernels.weights.ends, { ...weightOf("ends"), rows: h, moments: moments1, dends }, layers("ends"));
    add(kernels.inputs.ends, { weight: weights("ends"), dends, dnormed }, inputs("ends"));
    norm(h, moments1);
    for (let b = count - 1; b >= 0; b--) {
      const at = `blocks.${b}`, { mixed, updates, middle, moments2, up, gates } = blocks[b];
      add(kernels.sets, {
        ...index,
        ...setsOf(b + 1),
        ...back,
        place: place(`${at}.mix`),
        before: levels[b].normalised,
        gates,
        updates,
        weight: weights(`${at}.mix`),
        dupdates,
        dgates,
      }, molecules);
      add(kernels.weights.down, { ...weightOf(`${at}.down`), up, dh, dgates }, layers("down"));
      add(kernels.inputs.down, { weight: weights(`${at}.down`), dh, dgates, up, dhidden }, inputs("down"));
      add(kernels.weights.up, { ...weightOf(`${at}.up`), ...within(b), dhidden }, layers("up"));
      add(kernels.inputs.up, { weight: weights(`${at}.up`), dhidden, dnormed, dnorms }, inputs("up"));
      norm(middle, moments2);
      add(kernels.weights.out, { ...weightOf(`${at}.out`), mixed, dh }, layers("out"));
      add(kernels.inputs.out, { weight: weights(`${at}.out`), dh, dmixed }, inputs("out"));
      add(kernels.pairsBack, {
        ...index,
        ...network(b),
        dmixed,
        dupdates,
        dprojected,
        dnormalised,
        place: place(`${at}.pairs`),
        shares,
      }, molecules);
      add(kernels.weights.projected, { ...weightOf(`${at}.projected`), ...before(b), dprojected }, layers("projected"));
      add(
        kernels.inputs.projected,
        { weight: weights(`${at}.projected`), dprojected, dnormed, dnorms },
        inputs("projected"),
      );
      norm(levels[b].h, levels[b].moments1);
    }
    add(
      kernels.firstSetsBack,
      { ...index, ...setsOf(0), ...back, place: place("coordinates.in"), latents },
      molecules,
    );
    add(kernels.weights.input, { ...weightOf("input"), inputs: batch.inputs, dh }, layers("input"));
  });

  const sums = collect(() =>
    add(kernels.sums, { extent, kinds, partials, shares, gradient, squares }, () => sumGroups(layout.length))
  );
  return { forward, loss, backward, sums };
}

/** Most workgroups of the forward pass of pairs, which goes by rows. */
const ROW_GROUPS = 32768;
