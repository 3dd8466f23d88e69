/** Records of a key-value bucket, each replaced only where nobody else replaced it meanwhile. */
import type { KV } from "@nats-io/kv";
import { hasCode, type NatsLink } from "./connection.ts";

/** Codes for a record that is not what it was thought to be. */
const WRONG_LAST = [10071, 10164];

const decoder = new TextDecoder();

/**
 * Replaces a record of this revision; 0 where there is to be none yet.
 *
 * @param text that nobody else would write
 * @returns the new revision; undefined where somebody was faster
 */
export async function replaced(
  { states, tried }: Pick<NatsLink<unknown>, "tried"> & { readonly states: KV },
  { key, text, revision }: { readonly key: string; readonly text: string; readonly revision: number },
): Promise<number | undefined> {
  let again = false;
  return await tried(async () => {
    try {
      return await states.put(key, text, { previousSeq: revision });
    } catch (error) {
      if (!hasCode(error, ...WRONG_LAST)) {
        again = true;
        throw error;
      }
      // The server may have kept it, and not have come to say so.
      const now = again ? await states.get(key) : null;
      return now && decoder.decode(now.value) === text ? now.revision : undefined;
    }
  });
}
