// A slot of `call.ts`. `first` and `stride` say which row of the conditions (times, alpha, sigma) is molecule b's: first + b stride.
struct Call {
  first: u32, stride: u32, draw: u32, keep: u32,
  latent: f32, estimate: f32, noise: f32, alpha: f32,
  before: vec4<f32>,
}
