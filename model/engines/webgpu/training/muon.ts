/**
 * Muon and AdamW on the GPU; `model/engines/tensorflow/muon.ts` and `adamw.ts` tell the mathematics. All matrices of a network are turned
 * together: a workgroup takes a tile of 64 by 64 of one of them, and tables say of which, so that a step of
 * Newton and Schulz is three dispatches whatever the number of matrices and of shapes.
 */
import { BETA1, BETA2, EPSILON } from "../../tensorflow/adamw.ts";
import { MOMENTUM, QUINTIC, STEPS } from "../../tensorflow/muon.ts";
import type { Gpu } from "../device.ts";
import { createKernel } from "../kernel.ts";
import { createArray, uploadAll } from "../memory.ts";
import { TILE_ROWS } from "../products.ts";
import { COMPONENTS, float, unroll } from "./text.ts";
import { CHUNK, KINDS, type TrainingLayout } from "./layout.ts";
import { READ, READ4, WORDS, WRITE } from "./molecules.ts";
import { muonTables, WORD } from "./muon_tables.ts";
import { CONTROL, RATES } from "./sums.ts";
import { createTileProduct } from "../tiles.ts";

const T = 256, TILE = TILE_ROWS;

/** What an update reads and writes, `[length]` each but for the last two. */
export interface UpdateArrays {
  readonly parameters: GPUBuffer;
  readonly ema: GPUBuffer;
  /** Muon's momentum, or AdamW's first moment. */
  readonly first: GPUBuffer;
  readonly second: GPUBuffer;
  readonly gradient: GPUBuffer;
  readonly rates: GPUBuffer;
  readonly control: GPUBuffer;
}

/** An update from a gradient whose norm is known: records it. */
export interface Optimiser {
  record(pass: GPUComputePassEncoder): void;
  dispose(): void;
}

const word = (name: keyof typeof WORD) => `matrices[matrix + ${WORD[name]}u]`;
const average = (at: string) => `ema[${at}] += (1.0 - rates[${RATES.emaDecay}]) * (parameters[${at}] - ema[${at}]);`;

/** Work of a workgroup on its tile: `i`, `j` of the matrix, `k` among those to be turned, `at` among the parameters. */
const onTile = (work: string, before = "", after = "", shared = "") => `
${shared}
@compute @workgroup_size(${T})
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
  let tile = tiles[group.x]; let matrix = tile.x * ${WORD.length}u;
  ${before}
  for (var u = 0u; u < ${TILE * TILE / T}u; u++) {
    let i = tile.y * ${TILE}u + thread / ${TILE}u + u * ${T / TILE}u; let j = tile.z * ${TILE}u + thread % ${TILE}u;
    let k = ${word("x")} + i * ${word("xStride")} + j;
    if (i < ${word("rows")} && j < ${word("columns")}) {
      let at = ${word("at")} + j * ${word("alongRow")} + i * ${word("alongColumn")};
      ${work}
    }
  }
  ${after}
}`;

const TILES = { access: "read", type: "array<vec4<u32>>" } as const;
const TABLES = { tiles: TILES, matrices: WORDS } as const;

/** The kernels of `createOptimiser`. */
async function createKernels(gpu: Gpu, { length }: TrainingLayout) {
  const [a, b, c] = QUINTIC;
  const product = (
    label: string,
    left: { array: "x" | "square"; terms: "rows" | "columns" },
    right: string,
    store: string,
  ) =>
    createTileProduct(gpu, {
      label,
      bindings: { ...TABLES, left4: READ4, right1: READ, right4: READ4, result: WRITE },
      declarations: `
var<private> matrix: u32;
fn left_at(row: u32) -> u32 { return ${word(left.array)} + row * ${
        word(left.array === "x" ? "xStride" : "squareStride")
      }; }`,
      setup: `
  let tile = tiles[group.x];
  matrix = tile.x * ${WORD.length}u;
  let first_row = tile.y * ${TILE}u; let first_quad = tile.z * ${TILE / 4}u;
  let steps = (matrices[tile.x * ${WORD.length}u + ${WORD[left.terms]}u] + 15u) / 16u;`,
      left: "return left4[left_at(row) / 4u + quad];",
      right,
      store,
    });
  /** Stores a symmetric matrix of which only tiles on and above the diagonal are computed. */
  const mirrored = (value: string) => `
  let at = ${word("square")}; let stride = ${word("squareStride")};
  ${unroll(4, (c) => `result[at + row * stride + 4u * quad + ${c}u] = ${value}.${COMPONENTS[c]};`)}
  if (row / ${TILE}u != quad / ${TILE / 4}u) {
    ${unroll(4, (c) => `result[at + (4u * quad + ${c}u) * stride + row] = ${value}.${COMPONENTS[c]};`)}
  }`;
  const [momentum, scale, gram, quintic, turn, apply, adam] = await Promise.all([
    createKernel(gpu, {
      label: "Muon's momentum",
      bindings: { ...TABLES, gradient: READ, control: READ, first: WRITE, x: WRITE, squares: WRITE },
      code: onTile(
        `
      var value = 0.0;
      if (made) {
        let g = gradient[at] * control[${CONTROL.gain}];
        let m = ${MOMENTUM} * first[at] + ${1 - MOMENTUM} * g;
        first[at] = m;
        value = ${1 - MOMENTUM} * g + ${MOMENTUM} * m;
      }
      x[k] = value;
      square += value * value;`,
        `let made = control[${CONTROL.made}] != 0.0; var square = 0.0;`,
        `sums[thread] = square;
  workgroupBarrier();
  for (var half = ${T / 2}u; half > 0u; half /= 2u) {
    if (thread < half) { sums[thread] += sums[thread + half]; }
    workgroupBarrier();
  }
  if (thread == 0u) { squares[group.x] = sums[0]; }`,
        `var<workgroup> sums: array<f32, ${T}>;`,
      ),
    }),
    createKernel(gpu, {
      label: "matrices to norm 1",
      bindings: { ...TABLES, x: WRITE, squares: READ },
      code: onTile(
        "x[k] *= scale;",
        `var total = 0.0;
  for (var s = 0u; s < ${word("tiles")}; s++) { total += squares[${word("firstTile")} + s]; }
  let scale = 1.0 / (sqrt(total) + 1e-7);`,
      ),
    }),
    product(
      "squares of matrices",
      { array: "x", terms: "columns" },
      `let k = ${word("x")} + term; let stride = ${word("xStride")};
  return vec4<f32>(${[0, 1, 2, 3].map((c) => `right1[k + (4u * quad + ${c}u) * stride]`).join(", ")});`,
      mirrored("value"),
    ),
    product(
      "the quintic",
      { array: "square", terms: "rows" },
      `return right4[left_at(term) / 4u + quad];`,
      `let k = left_at(row) / 4u + quad; let j = 4u * quad;
  let one = select(vec4<f32>(), vec4<f32>(1.0), vec4<u32>(j, j + 1u, j + 2u, j + 3u) == vec4<u32>(row));
  let sum = ${float(b)} * left4[k] + ${float(c)} * value + ${float(a)} * one;
  ${mirrored("sum")}`,
    ),
    product(
      "matrices turned",
      { array: "square", terms: "rows" },
      `return right4[(${word("x")} + term * ${word("xStride")}) / 4u + quad];`,
      `let k = ${word("x")} + row * ${word("xStride")} + 4u * quad; ${
        unroll(4, (c) => `result[k + ${c}u] = value.${COMPONENTS[c]};`)
      }`,
    ),
    createKernel(gpu, {
      label: "Muon's step",
      bindings: { ...TABLES, x: READ, control: READ, rates: READ, parameters: WRITE, ema: WRITE },
      code: onTile(
        `
      if (made) {
        parameters[at] -= step * x[k];
        ${average("at")}
      }`,
        `let made = control[${CONTROL.made}] != 0.0;
  let step = rates[${RATES.muon}] * bitcast<f32>(${word("factor")});`,
      ),
    }),
    createKernel(gpu, {
      label: "AdamW's step",
      bindings: {
        kinds: WORDS,
        gradient: READ,
        control: READ,
        rates: READ,
        first: WRITE,
        second: WRITE,
        parameters: WRITE,
        ema: WRITE,
      },
      code: `
@compute @workgroup_size(${T})
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
  if (control[${CONTROL.made}] == 0.0) { return; }
  let correct1 = 1.0 / (1.0 - pow(${BETA1}, control[${CONTROL.count}]));
  let correct2 = 1.0 / (1.0 - pow(${BETA2}, control[${CONTROL.count}]));
  for (var k = group.x * ${T}u + thread; k < ${length}u; k += groups.x * ${T}u) {
    if (kinds[k / ${CHUNK}u] == ${KINDS.adamw}u) {
      let g = gradient[k] * control[${CONTROL.gain}];
      let m = ${BETA1} * first[k] + ${1 - BETA1} * g;
      let v = ${BETA2} * second[k] + ${1 - BETA2} * g * g;
      first[k] = m; second[k] = v;
      parameters[k] -= rates[${RATES.adamw}] * (m * correct1) / (sqrt(v * correct2) + ${EPSILON.toFixed(8)});
      ${average("k")}
    }
  }
}`,
    }),
  ]);
  return { momentum, scale, gram, quintic, turn, apply, adam };
}

/** Workgroups of AdamW's step. */
const adamGroups = (length: number): [number] => [Math.min(2048, Math.ceil(length / T))];

/** Compiles an update and binds it. `kinds` is the layout's, on the device. */
export async function createOptimiser(
  gpu: Gpu,
  layout: TrainingLayout,
  { parameters, ema, first, second, gradient, rates, control }: UpdateArrays,
  kinds: GPUBuffer,
): Promise<Optimiser> {
  const { table, tiles: tileTable, squareTiles, x, square } = muonTables(layout.matrices);
  const kernels = await createKernels(gpu, layout);
  const { buffer, parts } = uploadAll(
    gpu,
    "tables of matrices",
    new Map([["matrices", table], ["tiles", tileTable], ["squareTiles", squareTiles]]),
  );
  const tiles = parts.get("tiles")!, matrices = parts.get("matrices")!, tables = { tiles, matrices };
  const array = (label: string, floats: number) => createArray(gpu, label, floats);
  const xs = [array("matrices", x), array("matrices, turned", x)],
    squares = array("their squares", tileTable.length / 4);
  const grams = [array("grams", square), array("quintics", square)];
  const all = [tileTable.length / 4] as [number], ofSquares = [squareTiles.length / 4] as [number];
  const steps = unrolled(STEPS, (step) => {
    const from = xs[step % 2], to = xs[1 - step % 2], square = { tiles: parts.get("squareTiles")!, matrices };
    const of = (left: GPUBuffer, right: GPUBuffer, result: GPUBuffer) => ({
      left4: left,
      right1: right,
      right4: right,
      result,
    });
    return {
      gram: kernels.gram.bind({ ...square, ...of(from, from, grams[0]) }),
      quintic: kernels.quintic.bind({ ...square, ...of(grams[0], grams[0], grams[1]) }),
      turn: kernels.turn.bind({ ...tables, ...of(grams[1], from, to) }),
    };
  });
  const momentum = kernels.momentum.bind({ ...tables, gradient, control, first, x: xs[0], squares });
  const scale = kernels.scale.bind({ ...tables, x: xs[0], squares });
  const apply = kernels.apply.bind({ ...tables, x: xs[STEPS % 2], control, rates, parameters, ema });
  const adam = kernels.adam.bind({ kinds, gradient, control, rates, first, second, parameters, ema });
  return {
    record(pass) {
      kernels.momentum.run(pass, momentum, all);
      kernels.scale.run(pass, scale, all);
      for (const { gram, quintic, turn } of steps) {
        kernels.gram.run(pass, gram, ofSquares);
        kernels.quintic.run(pass, quintic, ofSquares);
        kernels.turn.run(pass, turn, all);
      }
      kernels.apply.run(pass, apply, all);
      kernels.adam.run(pass, adam, adamGroups(layout.length));
    },
    dispose() {
      for (const each of [buffer, ...xs, ...grams, squares]) each.destroy();
    },
  };
}

const unrolled = <T>(count: number, make: (k: number) => T): T[] => Array.from({ length: count }, (_, k) => make(k));
