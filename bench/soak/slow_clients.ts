/** Clients that read slowly, read nothing, or write slowly. */
import { INCLUDES } from "../../model/generation/formats.ts";
import { MEDIA_TYPES } from "../../routes/generate_schema.ts";
import { connect, joined, parseAnswer, postText } from "./raw.ts";
import { longest, type Reference, same } from "./references.ts";
import { Broken, type Client, one, rest, visit } from "./visits.ts";

/** Bytes that a slow reader takes at a time, and how long it waits then, ms. */
const SIP = 16_384, SIP_MS = 40;

/** Reads slowly, and compares with what is known. */
export const slowReader = (references: readonly Reference[]): Client => ({
  restMs: 1000,
  visit: (scene, _, address) =>
    visit(scene, "slow reader", async ({ url, begin }) => {
      const reference = longest(references), client = await connect(url), pieces: Uint8Array[] = [];
      try {
        const { head, body } = postText(reference.body, MEDIA_TYPES[reference.form], address);
        await client.say(head + body);
        for (let piece; (piece = await client.hear(SIP));) {
          if (pieces.length === 0) begin(Number(reference.body.count));
          pieces.push(piece);
          await rest(SIP_MS, scene);
        }
      } finally {
        client.leave();
      }
      const answer = parseAnswer(joined(pieces));
      if (!answer?.whole) throw new Error("the answer has no end");
      if (answer.status === 503) return 503;
      if (answer.status !== 200) throw new Broken(`200 or 503 must be answered; got ${answer.status}`);
      same(reference, answer.body);
      scene.tally.molecules(Number(reference.body.count));
      return 200;
    }),
});

/** Asks for much and reads nothing: the service may not wait for it. */
export const deaf: Client = {
  restMs: 2000,
  visit: (scene, draw, address) =>
    visit(scene, "deaf", async ({ url }) => {
      const client = await connect(url);
      try {
        const asked = { model: scene.model, count: 1000, steps: 1, seed: draw.integer(1000), include: INCLUDES };
        const { head, body } = postText(asked, MEDIA_TYPES.ndjson, address);
        await client.say(head + body);
        await rest(1000 * (scene.patienceSeconds + 2), scene);
        return "left";
      } finally {
        client.leave();
      }
    }),
};

/** Says a byte now and then, of a head or of a body, or nothing at all: told 408, or the connection is ended. */
export const slowWriter: Client = {
  restMs: 1000,
  visit: (scene, draw, address) =>
    visit(scene, "slow writer", async ({ url }) => {
      const { head, body } = postText(
        { model: scene.model, count: 1, steps: 1, note: "x".repeat(1000) },
        "*/*",
        address,
      );
      const client = await connect(url), given = one(draw, ["", head.slice(0, 40), head + body.slice(0, 3)]);
      let over = false;
      try {
        await client.say(given);
        const trickling = (async () => {
          while (!over && given !== "") {
            await new Promise((resolve) => setTimeout(resolve, 250));
            if (!over) await client.say("a");
          }
        })().catch(() => {});
        const pieces: Uint8Array[] = [];
        const hearing = (async () => {
          for (let piece; (piece = await client.hear(4096));) pieces.push(piece);
          return true;
        })().catch(() => true);
        const late = new Promise<false>((resolve) =>
          setTimeout(() => resolve(false), 1000 * (scene.patienceSeconds + Math.max(3, 4 * scene.patienceSeconds)))
        );
        const ended = await Promise.race([hearing, late]);
        over = true;
        await trickling;
        if (!ended) throw new Broken(`a slow writer must be ended after ${scene.patienceSeconds} s`);
        const status = parseAnswer(joined(pieces))?.status;
        if (given === "" ? status === undefined : status === 408) return status ?? "ended";
        if (status === undefined || status === 503) throw new Error("cut");
        throw new Broken(`a slow writer must be told 408; got ${status}`);
      } finally {
        over = true;
        client.leave();
      }
    }),
};
