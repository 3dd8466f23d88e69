/**
 * What kernels on whole molecules of several sizes share: the index that says where each lies, and a workgroup's way through its share
 * of them. One dispatch serves all groups of a batch; nothing is padded.
 */
import type { Binding } from "../kernel.ts";

/** Most workgroups of such a dispatch; each takes every so many molecules, and sums up their gradients. */
export const MOST_GROUPS = 256;

/** Workgroups for a batch of so many molecules (or rows, where a kernel goes by them). */
export const groupsOf = (molecules: number): [number] => [Math.min(molecules, MOST_GROUPS)];

/** Numbers of `extent`. */
export interface Extent {
  readonly rows: number;
  readonly molecules: number;
  /** Rows a slice of a weight's gradient; a multiple of 16. */
  readonly slice: number;
  /** Numbers of a slice of `partials`, and of a workgroup's part of `shares`: see `TrainingLayout`. */
  readonly products: number;
  readonly shares: number;
}

/** `extent` as it lies on the device. */
export const extentWords = ({ rows, molecules, slice, products, shares }: Extent): Uint32Array<ArrayBuffer> =>
  Uint32Array.of(rows, molecules, groupsOf(molecules)[0], slice, products, shares);

/** WGSL: where in `shares` this workgroup's part begins. */
export const OWN_SHARES = "group.x * extent[5]";

/** The bindings of the index. */
export const INDEX: Readonly<Record<"index" | "extent", Binding>> = {
  index: { access: "read", type: "array<vec4<u32>>" },
  extent: { access: "read", type: "array<u32>" },
};

/** The same, by rows. */
export const ROW_INDEX: Readonly<Record<keyof typeof INDEX | "owners", Binding>> = {
  ...INDEX,
  owners: { access: "read", type: "array<u32>" },
};

const PLACE = `let first = index[molecule].x; let n = index[molecule].y; let at = index[molecule].z;`;

/** WGSL: `work` for each of this workgroup's molecules: `first` row, `n` nodes, a latent that begins `at`. */
export const eachMolecule = (work: string): string => `
  for (var molecule = group.x; molecule < extent[1]; molecule += groups.x) {
    ${PLACE}
    ${work}
  }`;

/** WGSL: `work` for each of this workgroup's rows, node i of its molecule. */
export const eachRow = (work: string): string => `
  for (var row = group.x; row < extent[0]; row += groups.x) {
    let molecule = owners[row];
    ${PLACE}
    let i = row - first;
    ${work}
  }`;

/** WGSL: the parameters of `main` that these take, and the thread's number. */
export const MAIN = `
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(num_workgroups) groups: vec3<u32>,
  @builtin(local_invocation_index) thread: u32,`;

/** WGSL: `work` for each number of 0 .. count - 1, dealt out to the threads in turn; the same to the same thread each time. */
export const each = (count: string, threads: number, work: string, name = "item"): string => `
  for (var ${name} = thread; ${name} < ${count}; ${name} += ${threads}u) {
    ${work}
  }`;

/** Access to floats. */
export const READ: Binding = { access: "read", type: "array<f32>" };
export const WRITE: Binding = { access: "write", type: "array<f32>" };
export const READ4: Binding = { access: "read", type: "array<vec4<f32>>" };
export const WRITE4: Binding = { access: "write", type: "array<vec4<f32>>" };
export const WORDS: Binding = { access: "read", type: "array<u32>" };
