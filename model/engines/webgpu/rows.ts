/** Kernels on single rows: a layer norm's moments. */
import type { Gpu } from "./device.ts";
import { createKernel, type Kernel } from "./kernel.ts";
import moments from "./moments.wgsl" with { type: "text" };
import { assemble } from "./wgsl.ts";

/** Rows of a workgroup. */
const ROWS = 4;

const CODE = assemble(moments);

/** Mean and 1 / sqrt(variance + 1e-5) of rows `[rows, width]`, as `[rows, 2]`; runs in `momentGroups(rows)` workgroups. */
export const createMoments = (gpu: Gpu, width: number): Promise<Kernel<"rows" | "moments">> =>
  createKernel(gpu, { label: `moments of ${width}`, code: CODE, constants: { WIDTH: width } });

/** Workgroups of `createMoments`. */
export const momentGroups = (rows: number): [number] => [Math.ceil(rows / ROWS)];
