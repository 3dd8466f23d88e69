// A matrix product. A workgroup of 128 threads computes a tile of 64 rows by 64 columns, 16 terms of the sums at a time from workgroup
// memory; a thread keeps 8 rows by 4 columns in registers, so that each number read from there is used 8 or 16 times. Rows, quads (of
// columns) and terms count from the product's own beginning.
// @include activations.wgsl
// @block number
/** Of the tiles; sums are of 32 bits. */
alias Number = f32;
// @end
alias Quad = vec4<Number>;
const ROWS = 64u;
const TERMS = 16u;
/** Quads of a row of terms, and of columns. */
const TERM_QUADS = 4u;
const COLUMN_QUADS = 16u;
const THREADS = 128u;
// @block declarations
// @end
/** Terms 4 quad to 4 quad + 3 of a row of the left side. */
fn left(row: u32, quad: u32) -> vec4<f32> {
  // @block left
  return vec4<f32>();
  // @end
}
/** Columns 4 quad to 4 quad + 3 of a term of the right side. */
fn right(term: u32, quad: u32) -> Quad {
  // @block right
  return Quad();
  // @end
}
/** Called for whole tiles. */
fn store(row: u32, quad: u32, value: vec4<f32>) {
  // @block store
  // @end
}
/** What is added to the columns of a quad. */
fn bias_of(quad: u32) -> vec4<f32> {
  // @block bias
  return vec4<f32>();
  // @end
}
var<workgroup> left_tile: array<array<Quad, TERM_QUADS + 1u>, ROWS>; // a row longer than it needs, against bank conflicts
var<workgroup> right_tile: array<array<Quad, COLUMN_QUADS>, TERMS>;

@compute @workgroup_size(16, 8)
fn main(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(local_invocation_id) local: vec3<u32>,
  @builtin(local_invocation_index) thread: u32,
) {
  // @block setup
  let first_row = group.x * ROWS; let first_quad = group.y * COLUMN_QUADS;
  let steps = 1u; // of 16 terms
  // @end
  let quad = first_quad + local.x;
  // @unroll r 8
  let row$r = local.y + $r * 8u;
  var sum$r = bias_of(quad);
  // @end
  for (var step = 0u; step < steps; step++) {
    // @unroll u 2
    {
      let at = thread + $u * THREADS;
      left_tile[at / TERM_QUADS][at % TERM_QUADS] =
        Quad(left(first_row + at / TERM_QUADS, step * TERM_QUADS + at % TERM_QUADS));
    }
    // @end
    // @unroll u 2
    {
      let at = thread + $u * THREADS;
      right_tile[at / COLUMN_QUADS][at % COLUMN_QUADS] =
        right(step * TERMS + at / COLUMN_QUADS, first_quad + at % COLUMN_QUADS);
    }
    // @end
    workgroupBarrier();
    // @unroll r 8
    var part$r = Quad();
    // @end
    // @unroll q 4
    {
      // @unroll c 4
      let b$c = right_tile[4 * $q + $c][local.x];
      // @end
      // @unroll r 8
      {
        let a = left_tile[row$r][$q];
        part$r += a.x * b0 + a.y * b1 + a.z * b2 + a.w * b3;
      }
      // @end
    }
    // @end
    // @unroll r 8
    sum$r += vec4<f32>(part$r);
    // @end
    workgroupBarrier();
  }
  // @unroll r 8
  store(first_row + row$r, quad, sum$r);
  // @end
}
