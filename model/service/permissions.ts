/**
 * What a process may do, as Deno's flags: what the engine needs, and what a round of distillation does. `main/permissions.ts` has the commands.
 * docs/permissions.md tells why each is needed.
 */
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { qm9Folders } from "../../chem/qm9.ts";
import { ISA } from "../engines/c/kernels.ts";
import { COMPILERS, findNativeLibrary, libraryFolder } from "../engines/c/native_library.ts";
import { MACHINE } from "../engines/hardware.ts";
import { LOADER_VARIABLES } from "../engines/loader_variables.ts";
import { addonPath, defaultTensorflowFolder } from "../engines/tensorflow/tensorflow.ts";
import { TRACEPARENT } from "./traceparent.ts";
import type { RuntimeChoice } from "../engines/runtimes.ts";

/** Deno's kinds of permission, in the order in which flags are written. */
const KINDS = ["read", "write", "net", "env", "sys", "run", "ffi"] as const;

/** What a process may do: of each kind a list, or `true` for all of it. Nothing where it is absent. */
export type Access = { readonly [kind in typeof KINDS[number]]?: readonly string[] | true };

/** The repository's root. */
export const ROOT = fileURLToPath(new URL("../../", import.meta.url)).replace(/[/\\]$/, "");

/** Everything that any of these may do. */
export function together(...parts: readonly (Access | undefined)[]): Access {
  const union: Partial<Record<typeof KINDS[number], readonly string[] | true>> = {};
  for (const part of parts) {
    for (const kind of KINDS) {
      const more = part?.[kind], have = union[kind];
      if (more === undefined) continue;
      union[kind] = more === true || have === true ? true : [...new Set([...have ?? [], ...more])];
    }
  }
  return union;
}

/**
 * Deno's flags for these permissions, and no others: nothing is asked at a prompt, variables that are not named read as not set, and no code comes from
 * the network. @throws TypeError for a value with a comma, which sets Deno's values apart
 */
export function flagsOf(access: Access): string[] {
  const flags = KINDS.flatMap((kind) => {
    const values = access[kind];
    if (values === undefined || (values !== true && values.length === 0)) return [];
    if (values === true) return [`--allow-${kind}`];
    const comma = values.find((value) => value.includes(","));
    if (comma) throw new TypeError(`a permission must be of a path or name without a comma; got ${comma}`);
    return [`--allow-${kind}=${values.join(",")}`];
  });
  return ["--no-prompt", "--no-remote", "--ignore-env", ...flags];
}

/** A level of TensorFlow's logs, which we set where it is not. */
const TENSORFLOW_LOGS = "TF_CPP_MIN_LOG_LEVEL";

/**
 * What drawing with networks needs, or training them: variables; where the native engine or TensorFlow's addon may run, libraries; and where the native
 * engine is to be compiled first, the compilers and the folder of its libraries.
 *
 * Libraries are not named: Deno reads native memory for nobody who may open some of them only, and whoever may open one that has the C library behind
 * it may call all of that.
 */
export function engineAccess(backend: RuntimeChoice, { trains }: { readonly trains: boolean }): Access {
  const auto = backend === "auto", parts: Access[] = [{ read: [ROOT], env: [MACHINE, ISA] }];
  if (auto || backend === "native") {
    const compiled = findNativeLibrary().path !== undefined;
    if (compiled || trains || !auto) parts.push({ ffi: true });
    if (!compiled && (trains || !auto)) parts.push({ write: [libraryFolder()], run: COMPILERS, env: LOADER_VARIABLES });
  }
  if (backend === "tensorflow" || (auto && existsSync(addonPath(defaultTensorflowFolder())))) {
    parts.push({ ffi: true, env: [TENSORFLOW_LOGS] });
  }
  return together(...parts);
}

/** What is told of the machine in cards and results. */
export const MACHINE_ACCESS: Access = { sys: ["cpus", "systemMemoryInfo"] };

/** A folder's lock names its owner. */
export const LOCK_ACCESS: Access = { sys: ["hostname"] };

/** Where the data set may lie that a model is trained and measured on. */
export const dataAccess = (): Access => ({ read: qm9Folders(), env: ["MOLSTEP_QM9"] });

/** What a round of distillation needs: its folder, which it locks, and the trace that it belongs to, besides engine and data. */
export const roundAccess = (folder: string, backend: RuntimeChoice): Access =>
  together(engineAccess(backend, { trains: true }), dataAccess(), MACHINE_ACCESS, LOCK_ACCESS, {
    read: [folder],
    write: [folder],
    env: [TRACEPARENT],
  });
