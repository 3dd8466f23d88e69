/**
 * The assignment problem in WGSL, by a workgroup: the algorithm of `coupling/assignment.ts`, each thread with columns of its own. Costs
 * are computed where they are asked for, so that there is no matrix to keep.
 */

/** What `assignText` is made for. */
export interface AssignmentText {
  /** Rows and columns. */
  readonly nodes: number;
  /** Threads of the workgroup. */
  readonly threads: number;
  /** WGSL of the cost of the u32 `row` and `column`. */
  readonly cost: string;
}

/**
 * WGSL: `assign(thread)`, for all threads of a workgroup: `column_of[row]` becomes the column of each row, at the least total cost. Among
 * equals it is the first column that counts, as on the CPU. Loops are bounded, so that costs that are no numbers end too, in some order.
 *
 * Distances along a path are kept whole and prices are changed once at its end, which rounds less often than a change a step.
 */
export function assignText({ nodes: n, threads, cost }: AssignmentText): string {
  const own = (body: string) => `for (var j = thread; j < ${n}u; j += ${threads}u) { ${body} }`;
  return `
const NONE = 0xffffffffu;
var<workgroup> row_price: array<f32, ${n}>;
var<workgroup> column_price: array<f32, ${n}>;
var<workgroup> least: array<f32, ${n}>;
var<workgroup> before: array<u32, ${n}>; // the row before each column on the shortest path
var<workgroup> used: array<u32, ${n}>;
var<workgroup> row_of: array<u32, ${n}>;
var<workgroup> column_of: array<u32, ${n}>;
var<workgroup> lowest: atomic<u32>;
var<workgroup> chosen: atomic<u32>;
var<workgroup> reached: vec2<u32>; // a column, and its row
/** Whole numbers in the order of the floats. */
fn rank(x: f32) -> u32 {
  let bits = bitcast<u32>(x);
  return select(bits | 0x80000000u, ~bits, (bits >> 31u) == 1u);
}
fn assign(thread: u32) {
  ${own("row_price[j] = 0.0; column_price[j] = 0.0; row_of[j] = NONE; column_of[j] = j;")}
  if (thread == 0u) { atomicStore(&lowest, NONE); atomicStore(&chosen, NONE); }
  workgroupBarrier();
  for (var first = 0u; first < ${n}u; first++) {
    ${own("least[j] = 3e38; before[j] = first; used[j] = 0u;")}
    var row = first; var column = 0u; var way = 0.0;
    for (var step = 0u; step < ${n}u; step++) {
      let base = way - row_price[row];
      var mine = NONE; var nearest = NONE;
      ${
    own(`
        if (used[j] == 0u) {
          let column = j;
          let reduced = base + ${cost} - column_price[j];
          if (reduced < least[j]) { least[j] = reduced; before[j] = row; }
          let place = rank(least[j]);
          if (place < mine) { mine = place; nearest = j; }
        }`)
  }
      atomicMin(&lowest, mine);
      workgroupBarrier();
      if (mine == atomicLoad(&lowest)) { atomicMin(&chosen, nearest); }
      workgroupBarrier();
      if (thread == 0u) {
        let at = min(atomicLoad(&chosen), ${n - 1}u);
        reached = vec2<u32>(at, row_of[at]);
        atomicStore(&lowest, NONE);
        atomicStore(&chosen, NONE);
      }
      let next = workgroupUniformLoad(&reached);
      column = next.x;
      way = least[column];
      if (next.y == NONE) { break; }
      if (column % ${threads}u == thread) { used[column] = 1u; }
      row = next.y;
    }
    ${
    own(`
      if (used[j] != 0u) {
        let gain = way - least[j];
        column_price[j] -= gain;
        row_price[row_of[j]] += gain;
      }`)
  }
    if (thread == 0u) { row_price[first] += way; }
    workgroupBarrier();
    if (thread == 0u) {
      for (var step = 0u; step < ${n}u; step++) {
        let i = before[column];
        let earlier = column_of[i];
        row_of[column] = i;
        column_of[i] = column;
        if (i == first) { break; }
        column = earlier;
      }
    }
    workgroupBarrier();
  }
}`;
}
