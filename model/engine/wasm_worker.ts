/** A worker of `wasm_denoiser.ts`: holds one instance, answers each message with x0 estimates or an error. */
import { createWasmInstance, type WasmInstance } from "./wasm_instance.ts";
import type { Answer, Question } from "./wasm_denoiser.ts";

const scope = self as unknown as {
  onmessage: ((event: MessageEvent<Question>) => void) | null;
  postMessage(answer: Answer, transfer: Transferable[]): void;
};

let instance: WasmInstance | undefined;

scope.onmessage = ({ data }) => {
  try {
    if (data.type === "open") {
      instance = createWasmInstance(data.module, data.space, data.sizes, data.parameters);
      scope.postMessage({ id: data.id }, []);
    } else {
      const x0 = instance!.predict(data.z, data.shape, data.rows);
      scope.postMessage({ id: data.id, x0 }, [x0.buffer as ArrayBuffer]);
    }
  } catch (error) {
    scope.postMessage({ id: data.id, error: error instanceof Error ? error.message : String(error) }, []);
  }
};
