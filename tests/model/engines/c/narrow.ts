/** The native engine's product kernels of this processor, for tests of each. */
import { type Kernel, kernelsOf } from "../../../../model/engines/c/kernels.ts";
import { openNativeLibrary } from "../../../../model/engines/c/native_library.ts";
import { type Precision, PRECISIONS } from "../../../../model/engines/runtimes.ts";
import { hasCompiler } from "./compiler.ts";

/** What this processor multiplies by; nothing where the engine cannot be compiled. */
export const kernelsHere: readonly Kernel[] = (() => {
  if (!hasCompiler) return [];
  const library = openNativeLibrary();
  try {
    return kernelsOf(library);
  } finally {
    library.close();
  }
})();

/** The kernel of this precision here. */
export const kernelHere = (precision: Precision): Kernel | undefined =>
  kernelsHere.find((kernel) => kernel.precision === precision);

/** The precisions of 16 bits. */
export const NARROW = PRECISIONS.filter((precision) => precision !== "f32");
