/** The variable that names what wgpu, Deno's WebGPU, asks for adapters. */
const BACKEND = "DENO_WEBGPU_BACKEND";

/**
 * Variables of a process that may open a GPU, beside those of `environment`: on Linux, where nobody says otherwise, Vulkan alone is asked for adapters.
 * OpenGL offers none that our kernels run on, and its loader, once asked, at times corrupts memory as the process ends (libEGL's destructors, seen in 3 of 70
 * processes on a busy machine, and in none of 150 without).
 */
export const webgpuVariables = (environment: Readonly<Record<string, string | undefined>>): Record<string, string> =>
  Deno.build.os === "linux" && environment[BACKEND] === undefined ? { [BACKEND]: "vulkan" } : {};
