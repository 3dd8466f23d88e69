// The orthogonal matrix that turns one set of vectors closest to another; see coupling/turn.ts.
//
// The CPU's threshold for singular values that count as zero serves in 32 bits too, because singular vectors are found without the Gram
// matrix, which would square the values and hide all below 3e-4; what rounding leaves where nothing should be is 1e-7.
override DEGENERATE: f32 = 1e-6;
/** Jacobi's sweeps. Each squares what is not yet orthogonal; four are enough. */
const SWEEPS = 6u;
struct Turning { g: array<vec3<f32>, 3>, v: array<vec3<f32>, 3> }
/** The unit vector along the axis that v has least of, less its part along v. */
fn perpendicular(v: vec3<f32>) -> vec3<f32> {
  let size = abs(v);
  var axis = vec3<f32>(1.0, 0.0, 0.0);
  if (size.y < size.x) { axis = vec3<f32>(0.0, 1.0, 0.0); }
  if (size.z < min(size.x, size.y)) { axis = vec3<f32>(0.0, 0.0, 1.0); }
  return normalize(axis - dot(axis, v) * v);
}
/**
 * The least rotation that takes the unit vector a to the unit vector b: half a turn about a, then half a turn about the middle of both. That
 * divides by cos(angle / 2), not by its square, so little is lost near half a turn.
 */
fn least_rotation(a: vec3<f32>, b: vec3<f32>) -> array<vec3<f32>, 3> {
  var m = a + b;
  let size = dot(m, m);
  if (size < 1e-12) { m = cross(perpendicular(a), a); } else { m *= inverseSqrt(size); }
  let k = 4.0 * dot(m, a);
  return array<vec3<f32>, 3>(
    vec3<f32>(1.0, 0.0, 0.0) + (k * m.x - 2.0 * a.x) * a - 2.0 * m.x * m,
    vec3<f32>(0.0, 1.0, 0.0) + (k * m.y - 2.0 * a.y) * a - 2.0 * m.y * m,
    vec3<f32>(0.0, 0.0, 1.0) + (k * m.z - 2.0 * a.z) * a - 2.0 * m.z * m,
  );
}
/** Turns columns p and q of g, and of v with them, so that those of g are orthogonal: Hestenes' one-sided rotation. */
fn orthogonalise(it: ptr<function, Turning>, p: u32, q: u32) {
  let gp = (*it).g[p]; let gq = (*it).g[q]; let vp = (*it).v[p]; let vq = (*it).v[q];
  let off = dot(gp, gq);
  if (abs(off) < 1e-16) { return; }
  let theta = (dot(gq, gq) - dot(gp, gp)) / (2.0 * off);
  let t = select(1.0, -1.0, theta < 0.0) / (abs(theta) + sqrt(theta * theta + 1.0));
  let c = inverseSqrt(t * t + 1.0); let s = t * c;
  (*it).g[p] = c * gp - s * gq; (*it).g[q] = s * gp + c * gq;
  (*it).v[p] = c * vp - s * vq; (*it).v[q] = s * vp + c * vq;
}
/** Brings the longer of columns p and q to p. */
fn arrange(it: ptr<function, Turning>, p: u32, q: u32) {
  let gp = (*it).g[p]; let gq = (*it).g[q]; let vp = (*it).v[p]; let vq = (*it).v[q];
  if (dot(gp, gp) >= dot(gq, gq)) { return; }
  (*it).g[p] = gq; (*it).g[q] = gp; (*it).v[p] = vq; (*it).v[q] = vp;
}
/**
 * For one thread: the orthogonal R for which tr(R^T h) is largest, for h given by its columns and R by its rows. Where h leaves R open, it
 * is a rotation, and the least one.
 */
fn nearest_orthogonal(h: array<vec3<f32>, 3>) -> array<vec3<f32>, 3> {
  let x = vec3<f32>(1.0, 0.0, 0.0); let y = vec3<f32>(0.0, 1.0, 0.0); let z = vec3<f32>(0.0, 0.0, 1.0);
  let sizes = max(max(abs(h[0]), abs(h[1])), abs(h[2]));
  let size = max(max(sizes.x, sizes.y), sizes.z);
  if (!(size > 1e-30)) { return array<vec3<f32>, 3>(x, y, z); }
  let a = h[0] / size; let b = h[1] / size; let c = h[2] / size;
  var it = Turning(array<vec3<f32>, 3>(a, b, c), array<vec3<f32>, 3>(x, y, z));
  for (var sweep = 0u; sweep < SWEEPS; sweep++) {
    orthogonalise(&it, 0u, 1u); orthogonalise(&it, 0u, 2u); orthogonalise(&it, 1u, 2u);
  }
  arrange(&it, 0u, 1u); arrange(&it, 0u, 2u); arrange(&it, 1u, 2u);
  let v1 = normalize(it.v[0]);
  let v2 = normalize(it.v[1] - dot(it.v[1], v1) * v1);
  let v3 = cross(v1, v2);
  let hv1 = a * v1.x + b * v1.y + c * v1.z;
  let s1 = length(hv1);
  let u1 = hv1 / s1;
  let hv2 = a * v2.x + b * v2.y + c * v2.z;
  let rest = hv2 - dot(u1, hv2) * u1;
  let s2 = length(rest);
  if (s2 <= DEGENERATE * s1) { return least_rotation(v1, u1); }
  let u2 = rest / s2;
  var u3 = cross(u1, u2);
  if (dot(u3, a * v3.x + b * v3.y + c * v3.z) < -DEGENERATE * s1) { u3 = -u3; }
  return array<vec3<f32>, 3>(
    u1.x * v1 + u2.x * v2 + u3.x * v3,
    u1.y * v1 + u2.y * v2 + u3.y * v3,
    u1.z * v1 + u2.z * v2 + u3.z * v3,
  );
}
