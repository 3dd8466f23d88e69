/** A worker that makes one set. */
import { prepareSet, type SetOrder } from "./prepare.ts";
import type { PrepareReply } from "./prepare_messages.ts";

const scope = self as unknown as {
  onmessage: ((event: MessageEvent<SetOrder>) => void) | null;
  postMessage(reply: PrepareReply): void;
};

scope.onmessage = async ({ data: order }) => {
  try {
    const set = await prepareSet(order, (progress) => scope.postMessage({ type: "progress", progress }));
    scope.postMessage({ type: "done", set });
  } catch (error) {
    const { name, message } = error instanceof Error ? error : new Error(String(error));
    scope.postMessage({ type: "failed", name, message });
  }
};
