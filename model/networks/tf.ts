/** TensorFlow.js as the one tensor library of the reference mathematics. */
import type * as tfjs from "@tensorflow/tfjs";

/** The TensorFlow.js namespace. */
export type Tf = typeof tfjs;
