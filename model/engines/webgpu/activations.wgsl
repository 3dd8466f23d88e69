// Activations, with exponentials that stay finite.
fn silu(x: vec4<f32>) -> vec4<f32> { return x / (1.0 + exp(min(-x, vec4<f32>(80.0)))); }
fn tanh_(x: vec4<f32>) -> vec4<f32> { return 1.0 - 2.0 / (exp(min(2.0 * x, vec4<f32>(80.0))) + 1.0); }
