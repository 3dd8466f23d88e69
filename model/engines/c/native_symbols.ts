/** What the native library has, for Deno's FFI: the functions of `src/engine.c`. */

/** What predictions take behind the sizes of molecules: z, times, alpha and sigma; the block that is left out, the estimates, and those of the weaker self. */
const PREDICTED = ["buffer", "buffer", "buffer", "buffer", "i32", "buffer", "buffer"] as const;

/** By their names. */
export const SYMBOLS = {
  molstep_create: {
    parameters: ["i32", "i32", "i32", "i32", "i32", "i32", "i32", "i32", "i32", "i32"],
    result: "pointer",
  },
  molstep_kernel_name: { parameters: ["i32"], result: "pointer" },
  molstep_kernel_use: { parameters: ["i32"], result: "i32" },
  molstep_parameter_count: { parameters: ["pointer"], result: "i64" },
  molstep_array: { parameters: ["pointer", "i32"], result: "pointer" },
  molstep_refresh: { parameters: ["pointer"], result: "void" },
  molstep_predict: {
    parameters: ["pointer", "i32", "i32", ...PREDICTED],
    result: "i32",
    nonblocking: true,
  },
  molstep_predict_groups: {
    parameters: ["pointer", "i32", "buffer", "buffer", ...PREDICTED],
    result: "i32",
    nonblocking: true,
  },
  // On the calling thread: for workers of JavaScript.
  molstep_predict_on: {
    parameters: ["pointer", "i32", "i32", "i32", ...PREDICTED],
    result: "i32",
  },
  molstep_predict_groups_on: {
    parameters: ["pointer", "i32", "i32", "buffer", "buffer", ...PREDICTED],
    result: "i32",
  },
  molstep_align: { parameters: ["i32", "i32", "i32", "i32", "f32", "buffer", "buffer"], result: "i32" },
  molstep_gradient: {
    parameters: [
      "pointer",
      "i32",
      "buffer",
      "buffer",
      "buffer",
      "buffer",
      "buffer",
      "buffer",
      "buffer",
      "buffer",
      "buffer",
    ],
    result: "i32",
    nonblocking: true,
  },
  molstep_gradient_at: {
    parameters: ["pointer", "i32", "buffer", "buffer", "buffer", "buffer", "buffer", "buffer", "buffer"],
    result: "i32",
    nonblocking: true,
  },
  molstep_input_gradient: {
    parameters: ["pointer", "i32", "i32", "buffer", "buffer", "buffer", "buffer", "buffer", "buffer"],
    result: "i32",
    nonblocking: true,
  },
  molstep_predict_averages: {
    parameters: ["pointer", "i32", "i32", "buffer", "buffer", "buffer", "buffer", "i32", "buffer"],
    result: "i32",
    nonblocking: true,
  },
  molstep_update: { parameters: ["pointer", "i64", "f32", "f32", "f32", "f32"], result: "f32", nonblocking: true },
  molstep_free: { parameters: ["pointer"], result: "void" },
  molstep_egnn_create: {
    parameters: ["i32", "i32", "i32", "i32", "i32", "i32", "i32", "f32", "f32", "f32", "i32"],
    result: "pointer",
  },
  molstep_egnn_parameter_count: { parameters: ["pointer"], result: "i64" },
  molstep_egnn_load: { parameters: ["pointer", "i64", "i64", "buffer"], result: "void" },
  molstep_egnn_run: {
    parameters: ["pointer", "i32", "i32", "buffer", "buffer", "buffer", "buffer"],
    result: "i32",
    nonblocking: true,
  },
  molstep_egnn_run_groups: {
    parameters: ["pointer", "i32", "buffer", "buffer", "buffer", "buffer", "buffer", "buffer"],
    result: "i32",
    nonblocking: true,
  },
  molstep_egnn_run_on: {
    parameters: ["pointer", "i32", "i32", "i32", "buffer", "buffer", "buffer", "buffer"],
    result: "i32",
  },
  molstep_egnn_run_groups_on: {
    parameters: ["pointer", "i32", "i32", "buffer", "buffer", "buffer", "buffer", "buffer", "buffer"],
    result: "i32",
  },
  molstep_mmff_minimise: {
    parameters: ["i32", "i32", "i32", "f64", "f64", "i32", "buffer", "buffer", "buffer", "buffer", "buffer", "buffer"],
    result: "i32",
    nonblocking: true,
  },
  molstep_mmff_minimise_on: {
    parameters: ["i32", "i32", "f64", "f64", "i32", "buffer", "buffer", "buffer", "buffer", "buffer", "buffer"],
    result: "i32",
  },
  molstep_mmff_gradient: {
    parameters: ["buffer", "buffer", "buffer", "buffer", "buffer", "buffer"],
    result: "i32",
  },
  molstep_egnn_free: { parameters: ["pointer"], result: "void" },
} as const;
