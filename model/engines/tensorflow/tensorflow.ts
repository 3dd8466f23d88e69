/**
 * TensorFlow itself, through the Node-API addon of `@tensorflow/tfjs-node-gpu`.
 *
 * The package's own entry looks for the addon inside itself and dies without it; so its kernels are loaded file by
 * file, and the addon from the folder that `deno task setup:tensorflow` filled.
 */
import { existsSync, readdirSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import nodeUtil from "node:util";
import type * as tfjs from "@tensorflow/tfjs";
import { adaptersAsked } from "../webgpu/device.ts";
import type { Register } from "./types.ts";

/** The repository's own folder for the addon and its libraries. */
export function defaultTensorflowFolder(): string {
  return fileURLToPath(new URL("../../../.tensorflow", import.meta.url));
}

/** The addon's place inside that folder. */
export function addonPath(folder: string): string {
  return join(folder, "lib", "napi-v8", "tfjs_binding.node");
}

/** Two helpers that runtimes dropped and the package still calls. */
function restoreUtilHelpers(): void {
  const util = nodeUtil as unknown as Record<string, unknown>;
  util.isNullOrUndefined ??= (value: unknown) => value === null || value === undefined;
  util.isArray ??= Array.isArray;
}

/**
 * Loads CUDA's libraries where the set-up brought them, so that TensorFlow finds them by name. They need one another in
 * an order that is nowhere written down, so those that fail are tried again for as long as that helps.
 */
function loadCuda(folder: string): void {
  const nvidia = join(folder, "deps", "nvidia");
  if (!existsSync(nvidia)) return;
  let waiting = readdirSync(nvidia, { recursive: true, encoding: "utf8" }).filter((name) => /\.so[.\d]*$/.test(name));
  for (let before = Infinity; waiting.length < before;) {
    before = waiting.length;
    waiting = waiting.filter((name) => {
      try {
        Deno.dlopen(join(nvidia, name), {});
        return false;
      } catch {
        return true;
      }
    });
  }
}

/**
 * Refuses to load TensorFlow after Mesa's software Vulkan driver: both bring LLVM along, and TensorFlow crashes the process
 * when it comes second. The other order works.
 */
function checkOrder(): void {
  if (Deno.build.os !== "linux") return;
  let before: boolean;
  try {
    const mapped = Deno.readTextFileSync("/proc/self/maps");
    before = mapped.includes("libLLVM") && !mapped.includes("libtensorflow_framework");
  } catch {
    before = adaptersAsked(); // without all permissions nobody knows which drivers came with that
  }
  if (before) {
    throw new Error("a software WebGPU adapter is already loaded in this process; open tensorflow before webgpu");
  }
}

/** Registers `tensorflow`. */
export const registerTensorflow: Register = (tf, { tensorflowFolder = defaultTensorflowFolder() }) => {
  const path = addonPath(tensorflowFolder);
  if (!existsSync(path)) throw new Error(`no addon at ${path}; "deno task setup:tensorflow" installs it`);
  // Read when the library is loaded: errors only.
  if (Deno.env.get("TF_CPP_MIN_LOG_LEVEL") === undefined) Deno.env.set("TF_CPP_MIN_LOG_LEVEL", "2");
  checkOrder();
  restoreUtilHelpers();
  loadCuda(tensorflowFolder);
  const require = createRequire(import.meta.url);
  const binding = require(path);
  if (!tf.findBackend("tensorflow")) {
    const { NodeJSKernelBackend } = require("@tensorflow/tfjs-node-gpu/dist/nodejs_kernel_backend.js");
    require("@tensorflow/tfjs-node-gpu/dist/register_all_kernels.js");
    tf.registerBackend("tensorflow", () => new NodeJSKernelBackend(binding, "molstep") as tfjs.KernelBackend, 3);
  }
  const where = binding.isUsingGpuDevice() ? "on a GPU" : "on the CPU";
  return Promise.resolve(`TensorFlow ${binding.TF_Version} ${where}`);
};
