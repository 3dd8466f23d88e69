/**
 * The GPU as WebGPU offers it (`navigator.gpu`), opened with all that the adapter has. Whatever goes wrong on the device
 * afterwards (it is lost, memory runs out, a command is refused) rejects the next thing that is awaited through `guard`.
 */
import { hardware } from "../hardware.ts";

/** An open device. */
export interface Gpu {
  readonly device: GPUDevice;
  /** The adapter's name. */
  readonly label: string;
  /** Whether the adapter computes on the CPU: right, and slow. */
  readonly software: boolean;
  /** Whether kernels may use 16-bit floats. */
  readonly f16: boolean;
  /** Compiled kernels by their text: networks of the same sizes share them. */
  readonly kernels: Map<string, Promise<unknown>>;
  /** `work`, or the device's failure if that comes first. */
  guard<T>(work: Promise<T>): Promise<T>;
  /** Ends the device and all that is on it. */
  close(): void;
}

/** How to open. */
export interface GpuOptions {
  /** Whether an adapter that computes on the CPU will do. Default false. */
  readonly software?: boolean;
}

/** What is known of an adapter before it is opened. */
export interface GpuAdapterFacts {
  readonly adapter: GPUAdapter;
  readonly label: string;
  readonly software: boolean;
}

let asked = false;

/** Whether this thread has asked for adapters, and drivers may have been loaded with it. */
export const adaptersAsked = (): boolean => asked;

/** The runtime's best adapter. Throws Error where there is none. */
export async function findAdapter(): Promise<GpuAdapterFacts> {
  const gpu = (navigator as { gpu?: GPU }).gpu;
  if (!gpu) throw new Error("this runtime has no navigator.gpu");
  asked = true;
  const adapter = await gpu.requestAdapter({ powerPreference: "high-performance" });
  if (!adapter) throw new Error("no WebGPU adapter (a driver for Vulkan, Metal or Direct3D 12 is needed)");
  const { description, vendor, isFallbackAdapter } = adapter.info;
  const label = description || vendor || "unnamed adapter";
  const software = isFallbackAdapter || /llvmpipe|lavapipe|swiftshader|software|warp/i.test(label);
  return { adapter, label, software };
}

/** Limits that kernels may come up against; each is asked up to what the adapter has. */
const LIMITS = [
  "maxStorageBufferBindingSize",
  "maxBufferSize",
  "maxComputeWorkgroupStorageSize",
  "maxComputeInvocationsPerWorkgroup",
  "maxComputeWorkgroupSizeX",
  "maxStorageBuffersPerShaderStage",
] as const;

/**
 * Opens the runtime's best adapter.
 *
 * @throws Error where there is none, or only one in software and that was not asked for
 */
export async function openGpu({ software: allowed = false }: GpuOptions = {}): Promise<Gpu> {
  const { adapter, label, software } = await findAdapter();
  if (software && !allowed) throw new Error(`only a software adapter (${label}), slower than wasm`);
  const f16 = adapter.features.has("shader-f16");
  const device = await adapter.requestDevice({
    requiredFeatures: f16 ? ["shader-f16"] : [],
    requiredLimits: Object.fromEntries(LIMITS.map((name) => [name, adapter.limits[name]])),
  });
  const failure = Promise.withResolvers<never>();
  failure.promise.catch(() => {}); // whoever awaits the device hears of it
  device.lost.then(({ reason, message }) =>
    failure.reject(new Error(`the GPU ${reason === "destroyed" ? "is closed" : "was lost"}: ${message} (${label})`))
  );
  device.addEventListener("uncapturederror", (event) => {
    event.preventDefault();
    failure.reject(new Error(`the GPU refused a command: ${(event as GPUUncapturedErrorEvent).error.message.trim()}`));
  });
  return {
    device,
    label,
    software,
    f16,
    kernels: new Map(),
    guard: (work) => Promise.race([work, failure.promise]),
    close: () => device.destroy(),
  };
}

/** What a network of our own kernels runs on there, in words. */
export const wordsOf = ({ label, software }: Pick<Gpu, "label" | "software">): string =>
  `the engine in WGSL on ${label}${software ? ", a software adapter" : ""}`;

/** Opens a GPU that several share: it is opened at the first call, and closed when all to whom it was given have closed it. */
export function createSharedGpu(options: GpuOptions = {}): () => Promise<Gpu> {
  let open: Promise<Gpu> | undefined, users = 0;
  return async () => {
    users++;
    const mine = open ??= openGpu(options);
    let held = true;
    const leave = () => {
      if (!held) return false;
      held = false;
      if (--users > 0 || open !== mine) return false;
      open = undefined;
      return true;
    };
    try {
      const gpu = await mine;
      return { ...gpu, close: () => void (leave() && gpu.close()) };
    } catch (error) {
      leave();
      throw error;
    }
  };
}

/** Why it is not worth asking for adapters: on Linux, where nothing stands for a GPU, only one in software could be found. */
export function lackingAdapter(): Promise<string | undefined> {
  const lack = !(navigator as { gpu?: GPU }).gpu
    ? "this runtime has no navigator.gpu"
    : Deno.build.os === "linux" && hardware().devices.length === 0
    ? "there is no GPU"
    : undefined;
  return Promise.resolve(lack);
}
