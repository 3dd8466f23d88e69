/** A start matched to the data (`samplers/start.ts`), as a kernel: a normal draw that stands for the data. */

import type { LatentSpace } from "../../diffusion/types.ts";
import { PURPOSE } from "../../diffusion/random.ts";
import type { Gpu } from "./device.ts";
import { createKernel, type Kernel } from "./kernel.ts";
import { latentConstants } from "./constants.ts";
import start from "./start.wgsl" with { type: "text" };
import { assemble } from "./wgsl.ts";

/** The bindings of `createStart`. */
export type StartBinding = "streams" | "moments" | "estimates";

const CODE = assemble(start);

/**
 * `estimates` `[B, L]` become mean + spread n, where n is each molecule's first draw of noise. `moments` `[2, L]`: mean, then spread.
 * `streams` `[B, 2]`: seed and index of each molecule. Runs in a workgroup a molecule.
 */
export function createStart(gpu: Gpu, space: LatentSpace, nodes: number): Promise<Kernel<StartBinding>> {
  const constants = { ...latentConstants(space, nodes), PURPOSE: PURPOSE.noise };
  return createKernel(gpu, { label: `start of ${nodes} nodes`, code: CODE, constants });
}
