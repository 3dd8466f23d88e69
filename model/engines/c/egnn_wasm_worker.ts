/** A worker of `egnn_wasm.ts`: holds one instance, answers each message with the network's results or an error. */
import { createEgnnInstance, type EgnnInstance } from "./egnn_wasm_instance.ts";
import type { EgnnAnswer, EgnnQuestion } from "./egnn_wasm.ts";

const scope = self as unknown as {
  onmessage: ((event: MessageEvent<EgnnQuestion & { id: number }>) => void) | null;
  postMessage(answer: EgnnAnswer, transfer: Transferable[]): void;
};

let instance: EgnnInstance | undefined;

scope.onmessage = ({ data }) => {
  const { id } = data;
  try {
    if (data.type === "open") {
      instance = createEgnnInstance(data.module, data.options, data.parameters);
      scope.postMessage({ id }, []);
    } else {
      const out = instance!.run(data.nodes, data.shape);
      scope.postMessage({ id, out }, [out.h.buffer as ArrayBuffer, out.x.buffer as ArrayBuffer]);
    }
  } catch (error) {
    scope.postMessage({ id, error: error instanceof Error ? error.message : String(error) }, []);
  }
};
