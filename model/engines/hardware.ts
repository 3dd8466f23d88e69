/**
 * What of the machine only the files of /proc and /dev tell: the processor's abilities, and whether there is a GPU.
 *
 * Deno opens these to a process with all permissions alone (2.9.6: `--allow-read=/proc` does not do). Others are told, in `MOLSTEP_MACHINE`, by
 * whoever started them: `main/launch.ts`, or the service of its workers.
 */
import { existsSync, readFileSync } from "node:fs";
import { z } from "zod";

/** The variable that a process is told its machine in. */
export const MACHINE = "MOLSTEP_MACHINE";

const schema = z.strictObject({
  /** The line of flags (x86-64) or features (aarch64) of /proc/cpuinfo; empty where there is none. */
  processor: z.string(),
  /** Those of {@link GPU_NODES} that are there. */
  devices: z.array(z.string()),
});

/** What is known of the machine. */
export type Hardware = Readonly<z.infer<typeof schema>>;

/** The device that stands for NVIDIA's driver. */
export const NVIDIA = "/dev/nvidiactl";

/** What stands for a GPU on Linux. */
export const GPU_NODES: readonly string[] = [NVIDIA, "/dev/dri", "/dev/dxg", "/dev/kfd"];

/** The line of /proc/cpuinfo that says what a processor can do. */
export const PROCESSOR_LINE = /^(flags|Features)\s*:.*$/m;

/** This machine, as far as this process can see it; undefined where Deno does not let it look. */
function seen(): Hardware | undefined {
  try {
    const processor = PROCESSOR_LINE.exec(readFileSync("/proc/cpuinfo", "utf8"))?.[0] ?? "";
    return { processor, devices: GPU_NODES.filter(existsSync) };
  } catch (error) {
    return error instanceof Deno.errors.NotCapable ? undefined : { processor: "", devices: [] };
  }
}

/** This machine, as this process was told it. @throws TypeError where that is damaged */
function told(): Hardware | undefined {
  const { state } = Deno.permissions.querySync({ name: "env", variable: MACHINE });
  const text = state === "granted" && Deno.env.get(MACHINE);
  if (!text) return undefined;
  try {
    return schema.parse(JSON.parse(text));
  } catch (error) {
    throw new TypeError(`${MACHINE} is what the launcher tells, and is not set by hand: ${(error as Error).message}`);
  }
}

let known: Hardware | undefined;

/** This machine. Where it can neither be seen nor was told, nothing is known of the processor, and no GPU is there. */
export const hardware = (): Hardware => known ??= seen() ?? told() ?? { processor: "", devices: [] };
