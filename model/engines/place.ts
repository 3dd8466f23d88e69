/** Puts a part where it runs best: on the engine, natively or in WebAssembly, or on TensorFlow.js. */
import { existsSync } from "node:fs";
import { UnknownKernelError } from "./c/kernels.ts";
import { hardware, NVIDIA } from "./hardware.ts";
import type { Backend } from "./tensorflow/types.ts";
import { lackingAdapter } from "./webgpu/device.ts";
import type { PartOptions, Placed } from "./placing.ts";
import { backendOf, hasPrecision, lackingPrecision, precisionNeeds } from "./runtimes.ts";

/** How to make a part in each place. */
export interface Places<T> {
  /** And what the library was built for, and what computes its products, of a part that {@link Places.narrow} says may have others than of 32 bits. */
  native(): Promise<{ readonly part: T; readonly built: string; readonly kernel?: string }>;
  /** Whether the native engine has kernels of 16-bit factors for this part, where the processor grants them. */
  readonly narrow?: boolean;
  wasm(): T | Promise<T>;
  /** On the GPU, by kernels of our own; absent where there are none for this part. */
  gpu?(): Promise<{ readonly part: T; readonly why: string }>;
  tensors(backend: Backend): T | Promise<T>;
  /** Why the engine cannot run this part, in either build; absent where it can. */
  readonly lacking?: string;
}

/** Somewhere to try: its name, why it is not worth it, and how. */
type Candidate<T> = [name: string, lacks: () => Promise<string | undefined>, make: () => Promise<Placed<T>>];

const WASM = { name: "wasm", why: "the engine in WebAssembly" };

const reason = (error: unknown) => error instanceof Error ? error.message : String(error);

/**
 * `auto` tries, in this order: the GPU engine, where the part has one and the GPU is a real one; TensorFlow on a GPU, where its addon is installed and there is a GPU; the native engine,
 * where it has been compiled or built before (nothing is compiled unasked); the engine in WebAssembly; TensorFlow.js's others. A part
 * that the engine lacks runs on TensorFlow.js: on the backend of the name asked for, or the best where it has none.
 *
 * With products of 16 bits only those of them are tried that have kernels of the format for this part, and what is taken has the kernel in its name.
 *
 * @throws RangeError where no backend, or not the one asked for, computes in the precision asked for; Error where what was asked for does not work here
 */
export async function place<T>(
  places: Places<T>,
  { choice, openTensors, precision = "f32" }: Pick<PartOptions, "choice" | "openTensors" | "precision">,
): Promise<Placed<T>> {
  const { lacking } = places, contradiction = lackingPrecision(choice, precision), narrow = precision !== "f32";
  if (contradiction) throw new RangeError(contradiction);
  /** Why a backend has no products of 16 bits for this part; undefined where it may have them. */
  const lackingNarrow = (name: string): string | undefined => {
    if (!narrow || (name === "webgpu" ? places.gpu : places.narrow)) return undefined;
    return `it has no kernels of ${precision} for this part${lacking ? ` (${lacking})` : ""}`;
  };
  const unfit = choice === "auto" ? undefined : lackingNarrow(choice);
  if (unfit) throw new RangeError(precisionNeeds(precision, `${choice}: ${unfit}`));
  const native = async () => {
    const { part, built, kernel } = await places.native(), products = kernel ? `, products ${kernel}` : "";
    return {
      part,
      backend: { name: backendOf("native", precision, kernel), why: `the engine, ${built}${products}` },
    };
  };
  const wasm = async () => ({ part: await places.wasm(), backend: WASM });
  const tensors = async () => {
    const backend = await openTensors(), { name, why } = backend;
    return { part: await places.tensors(backend), backend: { name, why } };
  };
  const gpu = async () => {
    const { part, why } = await places.gpu!();
    const products = narrow ? ", products of 16-bit floats" : "";
    return { part, backend: { name: backendOf("webgpu", precision), why: `${why}${products}` } };
  };
  if (choice !== "auto") {
    if (choice === "webgpu" && places.gpu) {
      const { part, backend } = await gpu();
      return { part, backend: { ...backend, why: `${backend.why}: asked for` } };
    }
    const onEngine = choice === "native" || choice === "wasm", make = { native, wasm };
    const { part, backend: { name, why } } = await (onEngine && !lacking ? make[choice] : tensors)();
    const words = [why.includes("asked for") ? why : `${why}: asked for`];
    if (onEngine && lacking) words.push(lacking);
    return { part, backend: { name, why: words.join("; ") } };
  }
  const passed: string[] = [];
  const candidates: Candidate<T>[] = [
    ...(places.gpu || narrow ? [["webgpu", lackingAdapter, gpu] satisfies Candidate<T>] : []),
    ["tensorflow", lackingGpu, tensors],
    ["native", () => lacking === undefined ? lackingLibrary() : Promise.resolve(lacking), native],
    ["wasm", () => Promise.resolve(lacking), wasm],
    ["TensorFlow.js", () => Promise.resolve(undefined), tensors],
  ];
  for (const [name, lacks, make] of candidates) {
    if (!hasPrecision(name, precision)) continue;
    const lack = lackingNarrow(name) ?? await lacks();
    if (lack) {
      passed.push(`${name}: ${lack}`);
      continue;
    }
    try {
      const { part, backend } = await make();
      return { part, backend: { ...backend, why: [backend.why, ...passed].join("; not ") } };
    } catch (error) {
      if (error instanceof UnknownKernelError) throw error;
      passed.push(`${name}: ${reason(error)}`);
    }
  }
  if (narrow) throw new RangeError(precisionNeeds(precision, passed.join("; ")));
  throw new Error(`nothing can run this model here; ${passed.join("; ")}`);
}

/** Why TensorFlow is not worth opening. */
async function lackingGpu(): Promise<string | undefined> {
  const { addonPath, defaultTensorflowFolder } = await import("./tensorflow/tensorflow.ts");
  if (!existsSync(addonPath(defaultTensorflowFolder()))) return "its addon is not installed";
  if (!hardware().devices.includes(NVIDIA)) return "there is no GPU";
}

/** Why the native engine is passed over. */
async function lackingLibrary(): Promise<string | undefined> {
  const found = (await import("./c/native_library.ts")).findNativeLibrary();
  return found.path === undefined ? found.lacks : undefined;
}
