/** A worker that collects, and compresses: see `collecting.ts`. */
import { gunzipSync, gzipSync } from "node:zlib";
import { answerPool } from "../../chem/pool_worker.ts";
import { type Collector, openCollector } from "./collect.ts";
import { absent } from "../diffusion/files.ts";
import type { CollectAnswer, CollectAsk } from "./collect_messages.ts";

const collectors = new Map<number, Collector>(), making = new Map<number, ReturnType<Collector["finish"]>>();
const encoder = new TextEncoder();

async function answer(asked: CollectAsk): Promise<unknown> {
  switch (asked.type) {
    case "pack":
      return gzipSync(encoder.encode(asked.text));
    case "unpack":
      return gunzipSync(asked.bytes);
    case "open":
      collectors.set(asked.collector, await openCollector(asked.order));
      return null;
    case "take":
      return await collectors.get(asked.collector)!.take(asked.file, asked.room);
    case "finish":
      making.set(asked.collector, collectors.get(asked.collector)!.finish(asked.parts));
      return null;
    case "step":
      return (await making.get(asked.collector)!.next()).value ?? null;
    case "close":
      // What is half made is taken away, but where its folder is gone already.
      await making.get(asked.collector)?.return(0).catch(absent);
      making.delete(asked.collector);
      collectors.get(asked.collector)?.close();
      collectors.delete(asked.collector);
      return null;
  }
}

answerPool<CollectAsk, CollectAnswer>(async (asked) => {
  try {
    return { data: { value: await answer(asked) } as CollectAnswer };
  } catch (error) {
    const { name, message, code } = error as Error & { code?: string };
    return { data: { fault: { name, message, code } } };
  }
});
