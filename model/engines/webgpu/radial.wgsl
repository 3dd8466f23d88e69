// Functions of the distance of two nodes; see docs/denoiser.md.
/** The square of what an angstrom is in units of latents. */
override ANGSTROM2: f32 = 2.56;
/** Eight of them. */
struct Radial { low: vec4<f32>, high: vec4<f32> }
fn bump(d: f32, centre: f32, rate: f32) -> f32 { return exp(-rate * (d - centre) * (d - centre)); }
fn radial(between: vec3<f32>) -> Radial {
  let d2 = dot(between, between) * ANGSTROM2;
  let d = sqrt(d2 + 1e-6);
  return Radial(
    vec4<f32>(0.3 * d, bump(d, 1.2, 50.0), bump(d, 1.34, 50.0), bump(d, 1.5, 50.0)),
    vec4<f32>(bump(d, 2.4, 5.0), bump(d, 3.0, 2.0), exp(-0.5 * d), 1.0 / (1.0 + d2)),
  );
}
