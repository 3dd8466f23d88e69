// The assignment problem, by a workgroup: the algorithm of coupling/assignment.ts, each thread with columns of its own. Costs are computed
// where they are asked for, so that there is no matrix to keep.
// @include latent.wgsl
/** Threads of the workgroup. */
override THREADS: u32 = 32u;
/** What is assigned: rows x to columns `turned`. */
var<workgroup> x: array<vec3<f32>, NODES>;
var<workgroup> turned: array<vec3<f32>, NODES>;
fn cost(row: u32, column: u32) -> f32 { return -dot(x[row], turned[column]); }
const NONE = 0xffffffffu;
var<workgroup> row_price: array<f32, NODES>;
var<workgroup> column_price: array<f32, NODES>;
var<workgroup> least: array<f32, NODES>;
var<workgroup> before: array<u32, NODES>; // the row before each column on the shortest path
var<workgroup> used: array<u32, NODES>;
var<workgroup> row_of: array<u32, NODES>;
var<workgroup> column_of: array<u32, NODES>;
var<workgroup> lowest: atomic<u32>;
var<workgroup> chosen: atomic<u32>;
var<workgroup> reached: vec2<u32>; // a column, and its row

/** Whole numbers in the order of the floats. */
fn rank(x: f32) -> u32 {
  let bits = bitcast<u32>(x);
  return select(bits | 0x80000000u, ~bits, (bits >> 31u) == 1u);
}
/**
 * For all threads of a workgroup: `column_of[row]` becomes the column of each row, at the least total cost. Among equals it is the first
 * column that counts, as on the CPU. Loops are bounded, so that costs that are no numbers end too, in some order.
 *
 * Distances along a path are kept whole and prices are changed once at its end, which rounds less often than a change a step.
 */
fn assign(thread: u32) {
  for (var j = thread; j < NODES; j += THREADS) {
    row_price[j] = 0.0; column_price[j] = 0.0; row_of[j] = NONE; column_of[j] = j;
  }
  if (thread == 0u) { atomicStore(&lowest, NONE); atomicStore(&chosen, NONE); }
  workgroupBarrier();
  for (var first = 0u; first < NODES; first++) {
    for (var j = thread; j < NODES; j += THREADS) { least[j] = 3e38; before[j] = first; used[j] = 0u; }
    var row = first; var column = 0u; var way = 0.0;
    for (var step = 0u; step < NODES; step++) {
      let base = way - row_price[row];
      var mine = NONE; var nearest = NONE;
      for (var j = thread; j < NODES; j += THREADS) {
        if (used[j] == 0u) {
          let reduced = base + cost(row, j) - column_price[j];
          if (reduced < least[j]) { least[j] = reduced; before[j] = row; }
          let place = rank(least[j]);
          if (place < mine) { mine = place; nearest = j; }
        }
      }
      atomicMin(&lowest, mine);
      workgroupBarrier();
      if (mine == atomicLoad(&lowest)) { atomicMin(&chosen, nearest); }
      workgroupBarrier();
      if (thread == 0u) {
        let at = min(atomicLoad(&chosen), NODES - 1u);
        reached = vec2<u32>(at, row_of[at]);
        atomicStore(&lowest, NONE);
        atomicStore(&chosen, NONE);
      }
      let next = workgroupUniformLoad(&reached);
      column = next.x;
      way = least[column];
      if (next.y == NONE) { break; }
      if (column % THREADS == thread) { used[column] = 1u; }
      row = next.y;
    }
    for (var j = thread; j < NODES; j += THREADS) {
      if (used[j] != 0u) {
        let gain = way - least[j];
        column_price[j] -= gain;
        row_price[row_of[j]] += gain;
      }
    }
    if (thread == 0u) { row_price[first] += way; }
    workgroupBarrier();
    if (thread == 0u) {
      for (var step = 0u; step < NODES; step++) {
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
}
