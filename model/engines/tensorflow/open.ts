/** Opens a backend of TensorFlow.js by name, or the best that works. */
import { registerCpu } from "./cpu.ts";
import { registerTensorflow } from "./tensorflow.ts";
import { type Backend, BACKEND_CHOICES, type BackendChoice, type BackendName, type BackendOptions } from "./types.ts";
import { BACKENDS, type Register } from "./types.ts";
import { type Tf } from "../../networks/tf.ts";
import { registerWasm } from "./wasm.ts";
import { registerWebgpu } from "./webgpu.ts";

const REGISTER: Record<BackendName, Register> = {
  tensorflow: registerTensorflow,
  webgpu: registerWebgpu,
  wasm: registerWasm,
  cpu: registerCpu,
};

/** Relative error allowed to the small product that a backend must get right. */
const TOLERANCE = 1e-5;

/** Runs a 5x7 by 7x3 product and a sigmoid on the active backend and compares with plain arithmetic. */
async function check(tf: Tf): Promise<void> {
  const a = Float32Array.from({ length: 35 }, (_, i) => Math.sin(i + 1));
  const b = Float32Array.from({ length: 21 }, (_, i) => Math.cos(2 * i + 1));
  const out = tf.tidy(() => tf.sigmoid(tf.matMul(tf.tensor2d(a, [5, 7]), tf.tensor2d(b, [7, 3]))));
  const got = await out.data();
  out.dispose();
  for (let i = 0; i < 5; i++) {
    for (let j = 0; j < 3; j++) {
      let sum = 0;
      for (let k = 0; k < 7; k++) sum += a[7 * i + k] * b[3 * k + j];
      const want = 1 / (1 + Math.exp(-sum)), found = got[3 * i + j];
      if (!(Math.abs(found - want) <= TOLERANCE)) {
        throw new Error(`a small product came out wrong: ${found} in place of ${want}`);
      }
    }
  }
}

/** Registers, activates and checks one backend; returns what it runs on. */
async function open(tf: Tf, name: BackendName, options: BackendOptions & { auto: boolean }): Promise<string> {
  const what = await REGISTER[name](tf, options);
  if (!await tf.setBackend(name)) throw new Error("TensorFlow.js could not start it");
  await tf.ready();
  await check(tf);
  return what;
}

const reason = (error: unknown) => error instanceof Error ? error.message : String(error);

/**
 * Opens a backend and makes it TensorFlow.js's active one, after a small product has come out right on it.
 *
 * @param choice `auto` tries tensorflow, webgpu (not on a software adapter), wasm and cpu in this order
 * @throws RangeError for an unknown name; Error with the reason where the named backend does not work here
 */
export async function openBackend(choice: BackendChoice = "auto", options: BackendOptions = {}): Promise<Backend> {
  if (!BACKEND_CHOICES.includes(choice)) {
    throw new RangeError(`backend must be one of ${BACKEND_CHOICES.join(", ")}; got ${JSON.stringify(choice)}`);
  }
  const tf = await import("@tensorflow/tfjs");
  tf.enableProdMode(); // no advertisements on stderr
  const auto = choice === "auto", passed: string[] = [];
  for (const name of auto ? BACKENDS : [choice]) {
    try {
      const what = await open(tf, name, { ...options, auto });
      const why = auto
        ? [`${what}: the first of ${BACKENDS.join(", ")} that works`, ...passed].join("; not ")
        : `${what}: asked for`;
      return { name, why, tf };
    } catch (error) {
      if (!auto) throw new Error(`backend ${name} does not work here: ${reason(error)}`, { cause: error });
      passed.push(`${name}: ${reason(error)}`);
    }
  }
  throw new Error(`no backend works here; ${passed.join("; ")}`);
}
