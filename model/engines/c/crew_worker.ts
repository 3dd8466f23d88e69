/** A worker of `crew.ts`: runs a network, for calls of others and for samplings of its own. */
import { setImmediate } from "node:timers";
import { clock } from "./clock.ts";
import type { Answer, Question } from "./crew.ts";
import { openMember } from "./member.ts";
import { type Here } from "./here.ts";
import { conditionSizes } from "../../networks/pair_attention/parameters.ts";
import { createSamplings, type Samplings } from "./sampling.ts";
import { tileMolecules } from "./tile.ts";

const scope = self as unknown as {
  onmessage: ((event: MessageEvent<Question>) => void) | null;
  postMessage(answer: Answer, transfer: Transferable[]): void;
};

let here: Here, samplings: Samplings;
const cancels = new Map<number, AbortController>();
let heard = 0;

/** Lets messages in: the event loop looks for them only now and then, so it turns until all that were sent have been heard. */
const hearing = (sent: Int32Array) => async () => {
  do await new Promise<void>((resolve) => setImmediate(resolve)); while (heard < Atomics.load(sent, 0));
};

/** The answer to a question, without its number. */
async function answer(question: Question): Promise<Omit<Answer, "id">> {
  switch (question.type) {
    case "open": {
      const { space, sizes } = question.member;
      here = await openMember(question.member);
      samplings = createSamplings({
        space,
        ...conditionSizes(sizes),
        ...here,
        most: tileMolecules,
        turn: hearing(question.sent),
      });
      return {};
    }
    case "predict":
      return { x0: here.predict(question.z, question.shape, question.rows) };
    case "sample": {
      const { key, task, at } = question, cancel = new AbortController(), underway = clock() - at;
      cancels.set(key, cancel);
      try {
        const { waitedMs, ...sampled } = await samplings.run(task, cancel.signal);
        return { sampled: { ...sampled, waitedMs: waitedMs + underway } };
      } finally {
        cancels.delete(key);
      }
    }
    case "cancel":
      cancels.get(question.key)?.abort();
      return {};
    case "close":
      for (const cancel of cancels.values()) cancel.abort();
      return {};
  }
}

scope.onmessage = async ({ data: { id, ...question } }) => {
  heard++;
  try {
    const told = await answer({ id, ...question } as Question);
    const floats = told.x0 ?? told.sampled?.x0;
    scope.postMessage({ id, ...told }, floats ? [floats.buffer as ArrayBuffer] : []);
  } catch (error) {
    scope.postMessage({ id, error: error instanceof Error ? error.message : String(error) }, []);
  }
};
