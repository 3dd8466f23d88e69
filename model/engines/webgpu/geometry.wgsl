// Distances and shapes of two nodes' coordinate sets; see docs/denoiser.md.
@group(0) @binding(0) var<storage, read> normalised: array<vec4<f32>>; // [rows, 3, 16]: the normalised sets, four at a time
struct Geometry { distance: vec4<f32>, shape: vec4<f32> }
/** Of sets 4 s to 4 s + 3. */
fn geometry(row: u32, column: u32, s: u32) -> Geometry {
  let x0 = normalised[row * 12u + s]; let x1 = normalised[row * 12u + 4u + s]; let x2 = normalised[row * 12u + 8u + s];
  let y0 = normalised[column * 12u + s]; let y1 = normalised[column * 12u + 4u + s];
  let y2 = normalised[column * 12u + 8u + s];
  let inner = x0 * y0 + x1 * y1 + x2 * y2;
  let squares = (x0 * x0 + x1 * x1 + x2 * x2) + (y0 * y0 + y1 * y1 + y2 * y2);
  let distance = sqrt(select(max(squares - 2.0 * inner, vec4<f32>()), vec4<f32>(), row == column) + 1e-4);
  return Geometry(distance, inner / (1.0 + squares));
}
