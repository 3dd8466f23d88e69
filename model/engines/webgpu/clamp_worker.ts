/** A worker of `clamp_crew.ts`: searches for graphs that obey valence. */
import { clampToValence } from "../../networks/heavy_atom/clamp.ts";
import type { ClampAnswer, ClampQuestion } from "./clamp_crew.ts";

const scope = self as unknown as {
  onmessage: ((event: MessageEvent<ClampQuestion & { id: number }>) => void) | null;
  postMessage(answer: ClampAnswer, transfer: Transferable[]): void;
};

scope.onmessage = ({ data: { id, x0, shape, bondSums, features, charges } }) => {
  try {
    clampToValence(x0, shape, bondSums, features, charges);
    scope.postMessage({ id, x0 }, [x0.buffer as ArrayBuffer]);
  } catch (error) {
    scope.postMessage({ id, error: error instanceof Error ? error.message : String(error) }, []);
  }
};
