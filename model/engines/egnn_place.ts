/** Puts an EGNN where it runs best. */
import type { Backend } from "./tensorflow/types.ts";
import { type Gpu, openGpu, wordsOf } from "./webgpu/device.ts";
import type { PartOptions, Placed, Tensors } from "./placing.ts";
import { type EgnnNetwork, type EgnnNetworkOptions, lackingForEgnn } from "../networks/egnn_network.ts";
import { place } from "./place.ts";

/** What to make of networks on the engine, and what on TensorFlow.js. */
export interface EgnnUses<T> {
  /** Of the networks named, in their order. */
  onEngine(networks: EgnnNetwork[]): T;
  /** On a GPU, which it is to close, and closes if it fails; where absent, `onEngine` of networks there. */
  onGpu?(place: { readonly gpu: Gpu; readonly closes: true }): Promise<T>;
  onTensors(backend: Backend): T | Promise<T>;
}

/** All of a part's networks run in one place. See `place`. Throws Error where what was asked for does not work here. */
export function placeEgnns<T>(
  networks: readonly EgnnNetworkOptions[],
  tensors: Tensors,
  { onEngine, onGpu, onTensors }: EgnnUses<T>,
  options: PartOptions,
): Promise<Placed<T>> {
  const lacking = networks.map(lackingForEgnn).find((lacking) => lacking !== undefined);
  const made = async (
    create: (options: EgnnNetworkOptions, tensors: Tensors) => EgnnNetwork | Promise<EgnnNetwork>,
  ) => {
    const open: EgnnNetwork[] = [];
    try {
      for (const network of networks) open.push(await create({ ...network, workers: options.threads }, tensors));
      return onEngine(open);
    } catch (error) {
      for (const network of open) network.dispose();
      throw error;
    }
  };
  const gpu = async () => {
    const { precision } = options, open = options.openGpu ?? (() => openGpu({ software: options.choice === "webgpu" }));
    const { createGpuEgnn } = await import("./webgpu/egnn/egnn.ts");
    let why = "";
    const place = async () => {
      const gpu = await open();
      why = wordsOf(gpu);
      return { gpu, closes: true } as const;
    };
    const part = onGpu
      ? await onGpu(await place())
      : await made(async (network, tensors) => createGpuEgnn({ ...network, ...await place(), precision }, tensors));
    return { part, why };
  };
  return place<T>({
    async native() {
      const { buildNativeLibrary } = await import("./c/native_library.ts"), { path, built } = buildNativeLibrary();
      const { createNativeEgnn } = await import("./c/egnn_native.ts");
      return { part: await made((options, tensors) => createNativeEgnn(options, tensors, path)), built };
    },
    wasm: async () => made((await import("./c/egnn_wasm.ts")).createWasmEgnn),
    gpu: lacking === undefined ? gpu : undefined,
    tensors: onTensors,
    lacking,
  }, options);
}
