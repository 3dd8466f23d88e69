/** A compute kernel: WGSL text, by whose bindings the pipeline is laid out. */
import type { Gpu } from "./device.ts";

/**
 * How a kernel uses a buffer, and what it takes it for. `uniform` bindings take an offset at each run: what differs from step to step lies
 * in slots of one buffer.
 */
export interface Binding {
  readonly access: "read" | "write" | "uniform";
  /** The WGSL type, as `array<vec4<f32>>`. */
  readonly type: string;
}

/** A part of a buffer; offsets are multiples of 256 bytes. */
export type Resource = GPUBuffer | { readonly buffer: GPUBuffer; readonly offset: number; readonly size: number };

/** A kernel, compiled. */
export interface Kernel<Name extends string = string> {
  readonly label: string;
  /** Buffers for the kernel's bindings, to be made once and used for many runs. */
  bind(resources: Readonly<Record<Name, Resource>>): GPUBindGroup;
  /** Runs it in workgroups. `offsets`: of the uniform bindings, in bytes. */
  run(
    pass: GPUComputePassEncoder,
    group: GPUBindGroup,
    workgroups: readonly [number, number?],
    offsets?: number[],
  ): void;
}

/** What a kernel is made of. */
export interface KernelText<Name extends string> {
  readonly label: string;
  /** WGSL; its entry point is `main`, and its bindings are all of group 0. */
  readonly code: string;
  /** Bindings that `code` leaves out, numbered from 0. */
  readonly bindings?: Readonly<Record<Name, Binding>>;
  /** Values of its `override` constants. */
  readonly constants?: Readonly<Record<string, number>>;
  /** Whether `f16` is used. */
  readonly f16?: boolean;
}

const LAYOUT: Record<Binding["access"], GPUBufferBindingLayout> = {
  read: { type: "read-only-storage" },
  write: { type: "storage" },
  uniform: { type: "uniform", hasDynamicOffset: true },
};
const SPACE: Record<Binding["access"], string> = {
  read: "var<storage, read>",
  write: "var<storage, read_write>",
  uniform: "var<uniform>",
};

/** WGSL that declares bindings, numbered from 0. */
export const declareBindings = (bindings: Readonly<Record<string, Binding>>): string =>
  Object.entries(bindings).map(([name, { access, type }], k) =>
    `@group(0) @binding(${k}) ${SPACE[access]} ${name}: ${type};`
  ).join("\n");

/** The bindings that a text declares. */
function declared(text: string): { binding: number; name: string; access: Binding["access"] }[] {
  const found = text.matchAll(/^@group\(0\) @binding\((\d+)\) (var<[\w, ]+>) (\w+):/gm);
  return [...found].map(([, binding, space, name]) => {
    const access = (Object.keys(SPACE) as Binding["access"][]).find((one) => SPACE[one] === space);
    if (!access) throw new SyntaxError(`bindings are ${Object.values(SPACE).join(", ")}; got ${space} ${name}`);
    return { binding: Number(binding), name, access };
  });
}

/** Compiles a kernel, once for all who want it. Throws Error with the compiler's words where the text is wrong. */
export function createKernel<Name extends string>(gpu: Gpu, kernel: KernelText<Name>): Promise<Kernel<Name>> {
  const key = JSON.stringify(kernel), made = gpu.kernels.get(key) as Promise<Kernel<Name>> | undefined;
  if (made) return made;
  const making = compile(gpu, kernel);
  gpu.kernels.set(key, making);
  making.catch(() => gpu.kernels.delete(key));
  return making;
}

async function compile<Name extends string>(
  { device, guard }: Gpu,
  { label, bindings = {} as Record<Name, Binding>, code, constants, f16 = false }: KernelText<Name>,
): Promise<Kernel<Name>> {
  const text = [f16 ? "enable f16;" : "", declareBindings(bindings), code].join("\n"), named = declared(text);
  const layout = device.createBindGroupLayout({
    label,
    entries: named.map(({ binding, access }) => ({
      binding,
      visibility: GPUShaderStage.COMPUTE,
      buffer: LAYOUT[access],
    })),
  });
  device.pushErrorScope("validation"); // a wrong text is an error here, and not the device's end
  const module = device.createShaderModule({ label, code: text });
  const scope = device.popErrorScope();
  const [{ messages }] = await Promise.all([module.getCompilationInfo(), scope]);
  const errors = messages.filter(({ type }) => type === "error").map(({ message }) => message.trim());
  if (errors.length > 0) throw new Error(`the kernel "${label}" does not compile: ${errors.join("\n")}`);
  const pipeline = await guard(device.createComputePipelineAsync({
    label,
    layout: device.createPipelineLayout({ bindGroupLayouts: [layout] }),
    compute: { module, entryPoint: "main", constants },
  }));
  return {
    label,
    bind: (resources) =>
      device.createBindGroup({
        label,
        layout,
        entries: named.map(({ binding, name }) => {
          const resource: Resource | undefined = resources[name as Name];
          if (!resource) throw new RangeError(`the kernel "${label}" needs a buffer for ${name}; none given`);
          return { binding, resource: "buffer" in resource ? resource : { buffer: resource } };
        }),
      }),
    run(pass, group, [x, y = 1], offsets) {
      pass.setPipeline(pipeline);
      pass.setBindGroup(0, group, offsets);
      pass.dispatchWorkgroups(x, y);
    },
  };
}
