/** A compute kernel: WGSL text with its bindings declared once, for the text and for the pipeline's layout. */
import type { Gpu } from "./device.ts";

/** How a kernel uses a buffer, and what it takes it for. */
export interface Binding {
  /** `uniform` bindings take an offset at each run: what differs from step to step lies in slots of one buffer. */
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
  readonly bindings: Readonly<Record<Name, Binding>>;
  /** WGSL without the bindings' declarations; its entry point is `main`. */
  readonly code: string;
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
  { label, bindings, code, f16 = false }: KernelText<Name>,
): Promise<Kernel<Name>> {
  const named = Object.entries(bindings) as [Name, Binding][];
  const declarations = named.map(([name, { access, type }], k) =>
    `@group(0) @binding(${k}) ${SPACE[access]} ${name}: ${type};`
  );
  const text = [f16 ? "enable f16;" : "", ...declarations, code].join("\n");
  const layout = device.createBindGroupLayout({
    label,
    entries: named.map(([, { access }], binding) => ({
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
    compute: { module, entryPoint: "main" },
  }));
  return {
    label,
    bind: (resources) =>
      device.createBindGroup({
        label,
        layout,
        entries: named.map(([name], binding) => {
          const resource: Resource = resources[name];
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
