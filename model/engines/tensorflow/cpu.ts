/** TensorFlow.js's own kernels in JavaScript: slow, always there, the one to compare with. */
import type { Register } from "./types.ts";

/** `@tensorflow/tfjs` registers `cpu` itself. */
export const registerCpu: Register = () => Promise.resolve("JavaScript kernels, one thread");
