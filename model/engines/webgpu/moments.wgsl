// A layer norm's moments of rows [rows, WIDTH]: mean and 1 / sqrt(variance + 1e-5), 16 threads a row.
@group(0) @binding(0) var<storage, read> rows: array<f32>;
@group(0) @binding(1) var<storage, read_write> moments: array<vec2<f32>>;
override WIDTH: u32 = 16u;
const LANES = 16u;
/** Rows of a workgroup: those of `momentGroups`. */
const ROWS = 4u;
var<workgroup> partial: array<array<f32, LANES + 1u>, ROWS>; // a row longer than it needs, against bank conflicts

/** The sum over a row's threads; to be called by all. */
fn sum_of(row: u32, lane: u32, own: f32) -> f32 {
  partial[row][lane] = own;
  workgroupBarrier();
  var total = 0.0;
  for (var k = 0u; k < LANES; k++) { total += partial[row][k]; }
  workgroupBarrier();
  return total;
}

@compute @workgroup_size(LANES, ROWS)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_id) local: vec3<u32>) {
  let lane = local.x; let row = local.y;
  let at = group.x * ROWS + row;
  var sum = 0.0;
  for (var k = lane; k < WIDTH; k += LANES) { sum += rows[at * WIDTH + k]; }
  let mean = sum_of(row, lane, sum) / f32(WIDTH);
  var squares = 0.0;
  for (var k = lane; k < WIDTH; k += LANES) {
    let d = rows[at * WIDTH + k] - mean;
    squares += d * d;
  }
  let variance = sum_of(row, lane, squares) / f32(WIDTH);
  if (lane == 0u) { moments[at] = vec2<f32>(mean, 1.0 / sqrt(variance + 1e-5)); }
}
