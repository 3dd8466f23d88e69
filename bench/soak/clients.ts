/** The clients of a soak, each of which visits the service again and again: those who read, leave, dawdle, look about, and want too much. */
import { INCLUDES } from "../../model/generation/formats.ts";
import { FILTERS } from "../../model/generation/pipeline.ts";
import { DECODINGS } from "../../model/diffusion/decodings.ts";
import { type Random, random } from "../../model/diffusion/random.ts";
import { SAMPLERS } from "../../model/diffusion/samplers/mod.ts";
import type { Form } from "../../model/service/drawing.ts";
import { MEDIA_TYPES } from "../../routes/generate_schema.ts";
import { jobList } from "../../routes/jobs_schema.ts";
import { modelList } from "../../routes/models.ts";
import { problemSchema } from "../../routes/problem.ts";
import { readAnswer } from "./answers.ts";
import { nonsense } from "./nonsense.ts";
import { again, type Reference } from "./references.ts";
import { deaf, slowReader, slowWriter } from "./slow_clients.ts";
import { allow, Broken, type Client, held, one, posted, request, rest, type Scene, visit } from "./visits.ts";

const FORMS = Object.keys(MEDIA_TYPES) as Form[];

/** Most molecules x steps of a reader's request. */
const WORK = 2000;

/** What a reader may ask. */
function order(draw: Random, model: string) {
  const steps = one(draw, [1, 2, 4, 8, 16, 32]), most = one(draw, [8, 32, 32, 256, 1000]);
  const filter = one(draw, ["none", "none", ...FILTERS]), form = one(draw, FORMS);
  const count = 1 + draw.integer(Math.min(most, Math.floor(WORK / steps)));
  const sampler = one(draw, [undefined, ...SAMPLERS]), decoding = one(draw, [undefined, ...DECODINGS]);
  const include = INCLUDES.filter(() => draw.integer(3) === 0);
  return { form, count, all: filter === "none", body: { model, count, steps, filter, include, sampler, decoding } };
}

/** Asks for molecules and reads all of them. */
const reader: Client = {
  restMs: 200,
  visit(scene, draw, address) {
    const { form, count, all, body } = order(draw, scene.model);
    return visit(scene, `reader ${form}`, async ({ url, signal, begin }) => {
      const response = await request(`${url}/generate`, posted(body, { form, address, signal }));
      await allow(response, 200, 503);
      if (response.status === 200) begin(all ? count : 0);
      const text = await response.text();
      if (response.status !== 200) return response.status;
      const { molecules, error } = held(() => readAnswer(text, { form, count, all }));
      if (error !== undefined) throw new Broken(`${JSON.stringify(body)} must not end by a fault; got ${error}`);
      scene.tally.molecules(molecules);
      return 200;
    });
  },
};

/** Asks for what is known, and compares. */
const repeater = (references: readonly Reference[]): Client => ({
  restMs: 300,
  visit: (scene, draw, address) =>
    visit(scene, "repeater", async (begun) => {
      const reference = one(draw, references), status = await again(reference, begun, address);
      if (status === 200) scene.tally.molecules(Number(reference.body.count));
      return status;
    }),
});

/** Goes away in the middle. */
const leaver: Client = {
  restMs: 300,
  visit(scene, draw, address) {
    const { form, body } = order(draw, scene.model), gone = new AbortController();
    return visit(scene, "leaver", async ({ url }) => {
      const timer = setTimeout(() => gone.abort(), 5 + draw.integer(800));
      try {
        const many = { ...body, count: 200 + draw.integer(800), steps: 1 + draw.integer(8) };
        const response = await request(`${url}/generate`, posted(many, { form, address, signal: gone.signal }));
        await allow(response, 200, 503);
        await response.arrayBuffer();
        return response.status;
      } catch (error) {
        if (gone.signal.aborted) return "left";
        throw error;
      } finally {
        clearTimeout(timer);
      }
    });
  },
};

/** Sends what makes no sense. */
const talker: Client = {
  restMs: 300,
  visit: (scene, draw, address) =>
    visit(scene, "nonsense", async ({ url, life, signal }) => {
      const { method, path, headers, body, statuses } = one(draw, nonsense(life.process.token));
      const response = await request(url + path, {
        method,
        headers: { "X-Forwarded-For": address, ...headers },
        body,
        signal,
      });
      await allow(response, ...statuses, ...life.ending ? [503] : []);
      const text = await response.text();
      held(() => problemSchema.parse(JSON.parse(text)));
      return response.status;
    }),
};

/** Asks for more than there is, several times at once, and for more than fits into the time that it gives. */
const greedy: Client = {
  restMs: 12_000,
  visit: (scene, draw, address) =>
    Promise.all(Array.from({ length: 5 }, () => {
      const form = one(draw, FORMS), count = 1000, steps = 100 + draw.integer(900), timeoutMs = 50 + draw.integer(2000);
      return visit(scene, "greedy", async ({ url, signal, begin }) => {
        const body = { model: scene.model, count, steps, timeoutMs };
        const response = await request(`${url}/generate`, posted(body, { form, address, signal }));
        await allow(response, 200, 429, 503, 504);
        if (response.status === 200) begin(count);
        const text = await response.text();
        if (response.status === 200) {
          scene.tally.molecules(held(() => readAnswer(text, { form, count, all: true })).molecules);
        } else {
          const { drawn } = held(() => problemSchema.parse(JSON.parse(text)));
          if (response.status === 504 && !(drawn! <= count)) {
            throw new Broken(`504 must tell how many were drawn; got ${drawn}`);
          }
        }
        return response.status;
      });
    })),
};

/** Looks at what is told without drawing. */
const looker: Client = {
  restMs: 300,
  visit(scene, draw, address) {
    const path = one(draw, [
      "/models",
      `/models/${scene.model}`,
      "/jobs",
      "/health/live",
      "/health/ready",
      "/openapi.json",
    ]);
    return visit(scene, `looker ${path}`, async ({ url, life, signal }) => {
      const headers = { "X-Forwarded-For": address, Authorization: `Bearer ${life.process.token}` };
      const response = await request(url + path, { headers, signal });
      await allow(response, 200, ...life.ending ? [503] : []);
      const told = await response.json(), etag = response.headers.get("etag");
      if (response.status === 200 && path === "/models") held(() => modelList.parse(told));
      if (response.status === 200 && path === "/jobs") held(() => jobList.parse(told));
      if (etag === null) return response.status;
      const second = await request(url + path, { headers: { ...headers, "If-None-Match": etag }, signal });
      await allow(second, 200, 304); // a round may have changed it
      await second.body?.cancel();
      return second.status;
    });
  },
};

/** All of them, with how many there are of each. */
const crowd = (references: readonly Reference[]): readonly (readonly [client: Client, count: number])[] => [
  [reader, 4],
  [repeater(references), 1],
  [leaver, 1],
  [slowReader(references), 1],
  [deaf, 1],
  [slowWriter, 2],
  [talker, 1],
  [greedy, 2],
  [looker, 1],
];

/**
 * Lets all clients visit until the load is over. Resolves when each has ended its last visit.
 *
 * @param pace how much longer they rest between visits than they would
 */
export async function load(scene: Scene, references: readonly Reference[], seed: number, pace = 1): Promise<void> {
  const clients = crowd(references).flatMap(([client, count]) => Array.from({ length: count }, () => client));
  await Promise.all(clients.map(async ({ visit, restMs }, k) => {
    const draw = random(seed, k), address = `198.51.100.${10 + k}`;
    while (!scene.over.aborted) {
      await visit(scene, draw, address);
      await rest(pace * draw.integer(restMs), scene);
    }
  }));
}
