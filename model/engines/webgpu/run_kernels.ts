/** The kernels that a sampling needs beside its network's. */
import type { LatentSpace } from "../../diffusion/types.ts";
import type { Sampling } from "../../diffusion/denoiser.ts";
import { type AlignBinding, createAlign } from "./align.ts";
import { createClamp } from "./clamp.ts";
import type { Gpu } from "./device.ts";
import type { Kernel } from "./kernel.ts";
import { createStart, type StartBinding } from "./start.ts";
import { type AdvanceBinding, createAdvance } from "./steps.ts";

/** Kernels of one kind of sampling; those that it does not need are absent. */
export interface RunKernels {
  readonly advance: Kernel<AdvanceBinding>;
  readonly begin?: Kernel<StartBinding>;
  readonly align?: Kernel<AlignBinding>;
  readonly clamp?: Kernel<"estimates" | "flags">;
}

/** What decides which kernels they are. */
type Kind = Pick<Sampling, "shape" | "start" | "coupling" | "clamp">;

async function compile(gpu: Gpu, space: LatentSpace, { shape, start, coupling, clamp }: Kind): Promise<RunKernels> {
  const { nodes } = shape, aligned = coupling === "aligned" && nodes > 1 && space.vectors > 0;
  const made = await Promise.all([
    createAdvance(gpu, space, nodes),
    start && createStart(gpu, space, nodes),
    aligned ? createAlign(gpu, space, nodes) : undefined,
    clamp && createClamp(gpu, space, nodes, clamp),
  ]);
  return { advance: made[0], begin: made[1], align: made[2], clamp: made[3] };
}

/** Kernels by kind of sampling, compiled once for all of a kind. */
export function createRunKernels(gpu: Gpu, space: LatentSpace): (kind: Kind) => Promise<RunKernels> {
  const compiled = new Map<string, Promise<RunKernels>>();
  return (kind) => {
    const { shape: { nodes }, start, coupling, clamp } = kind;
    const key = JSON.stringify([nodes, start !== undefined, coupling, clamp?.bondSums, clamp?.charges]),
      had = compiled.get(key);
    if (had) return had;
    const making = compile(gpu, space, kind);
    compiled.set(key, making);
    making.catch(() => compiled.delete(key));
    return making;
  };
}
