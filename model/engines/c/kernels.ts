/** The product kernels of the native engine: which there are on this processor, and which one computes. */
import type { Precision, PrecisionChoice } from "../runtimes.ts";
import type { NativeLibrary } from "./native_library.ts";

/** A kernel that can be used here. */
export interface Kernel {
  /** Its number for the engine. */
  readonly index: number;
  /** What computes, and the precision of factors: `avx512-f16`. */
  readonly name: string;
  readonly precision: Precision;
  /** Whether it is faster than single precision on this processor. */
  readonly faster: boolean;
}

/** The variable that names the kernel to take of those that compute in what is asked for. */
export const ISA = "MOLSTEP_ISA";

/** The kernels that this library has and this processor grants, the best of each precision first. */
export function kernelsOf(library: NativeLibrary): Kernel[] {
  const { molstep_kernel_name, molstep_kernel_use } = library.symbols, kernels: Kernel[] = [];
  for (let index = 0;; index++) {
    const at = molstep_kernel_name(index);
    if (at === null) return kernels;
    const name = Deno.UnsafePointerView.getCString(at), use = molstep_kernel_use(index);
    if (use) kernels.push({ index, name, precision: name.replace(/^.*-/, "") as Precision, faster: use > 1 });
  }
}

/** `MOLSTEP_ISA` names none of the processor's kernels: no reason to compute elsewhere. */
export class UnknownKernelError extends RangeError {
  constructor(kernels: readonly Kernel[], isa: string) {
    super(`${ISA} must name a kernel of this processor: ${kernels.map(({ name }) => name).join(", ")}; got ${isa}`);
  }
}

/**
 * The kernel that computes in a precision.
 *
 * @param isa the name of the one to take where it does; by default `MOLSTEP_ISA`
 * @throws RangeError where none does; UnknownKernelError where `isa` is none of them
 */
export function chooseKernel(
  kernels: readonly Kernel[],
  precision: PrecisionChoice,
  isa: string | undefined = Deno.env.get(ISA),
): Kernel {
  const named = kernels.find(({ name }) => name === isa);
  if (isa && !named) throw new UnknownKernelError(kernels, isa);
  if (named && (precision === "auto" || precision === named.precision)) return named;
  const fit = precision === "auto"
    ? kernels.find(({ faster }) => faster) ?? kernels.find((kernel) => kernel.precision === "f32")
    : kernels.find((kernel) => kernel.precision === precision);
  if (!fit) {
    const have = [...new Set(kernels.map((kernel) => kernel.precision))].join(", ");
    throw new RangeError(`the native engine computes in ${have} on this processor; asked for ${precision}`);
  }
  return fit;
}
