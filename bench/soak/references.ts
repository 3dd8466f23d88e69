/** Requests whose answers are known: the same seed gives the same bytes, alone and beside others, before a restart and after. */
import type { Form } from "../../model/service/drawing.ts";
import { lasting } from "./answers.ts";
import { allow, Broken, posted, request, rest, type Scene, type Visit } from "./visits.ts";

/** A request, and what it was answered at first. */
export interface Reference {
  readonly form: Form;
  readonly body: Readonly<Record<string, unknown>>;
  /** Without what is measured; see `lasting`. */
  readonly text: string;
}

/** By undistilled weights, as rounds put students in and out of service meanwhile. */
const REQUESTS: readonly (Pick<Reference, "form" | "body">)[] = [
  {
    form: "json",
    body: { count: 40, steps: 4, sampler: "ddim", seed: 11, include: ["bonds", "descriptors", "molblock"] },
  },
  { form: "sdf", body: { count: 300, steps: 2, sampler: "ddpm", seed: 12, filter: "valid" } },
  { form: "xyz", body: { count: 20, steps: 8, sampler: "dpm-solver++", seed: 13 } },
  { form: "ndjson", body: { count: 64, steps: 1, sampler: "consistency", seed: 14 } },
  { form: "sdf", body: { count: 6, steps: 16, sampler: "ddpm", seed: 15, decoding: "argmax" } },
];

/** The longest stream among them. */
export const longest = (references: readonly Reference[]): Reference =>
  references.filter(({ form }) => form !== "json").toSorted((a, b) => b.text.length - a.text.length)[0];

/** Asks for one; undefined where the service is full, or shutting down. @throws Broken */
async function draw({ form, body }: Pick<Reference, "form" | "body">, { url, signal, begin }: Visit, address: string) {
  const response = await request(`${url}/generate`, posted(body, { form, address, signal }));
  await allow(response, 200, 429, 503);
  if (response.status === 200) begin(Number(body.count));
  const text = await response.text();
  return response.status === 200 ? lasting(text, form) : undefined;
}

/** Their answers, of a service that does nothing else. */
export async function learn(visit: Visit, model: string): Promise<Reference[]> {
  const known: Reference[] = [];
  for (const { form, body } of REQUESTS) {
    const full = { model, ...body }, text = await draw({ form, body: full }, visit, "198.51.100.1");
    if (text === undefined) throw new Error("a service without load must answer 200");
    known.push({ form, body: full, text });
  }
  return known;
}

/** Where two texts part, in words. */
export function difference(a: string, b: string): string {
  let at = 0;
  while (at < a.length && a[at] === b[at]) at++;
  const near = (text: string) => JSON.stringify(text.slice(Math.max(0, at - 30), at + 30));
  return `byte ${at} of ${a.length} and ${b.length}: ${near(a)} and ${near(b)}`;
}

/** Holds an answer against what it was before. @throws Broken */
export function same({ form, body, text }: Reference, now: string): void {
  if (now !== text) throw new Broken(`${form} of ${JSON.stringify(body)} must be as before; ${difference(text, now)}`);
}

/** Draws one again. @returns the status, 503 where there was no room. @throws Broken */
export async function again(reference: Reference, visit: Visit, address: string): Promise<number> {
  const now = await draw(reference, visit, address);
  if (now === undefined) return 503;
  same(reference, now);
  return 200;
}

/** Draws all again, each as soon as there is room. @throws Broken */
export async function allAgain(
  references: readonly Reference[],
  visit: Visit,
  scene: Pick<Scene, "over">,
): Promise<number> {
  for (const reference of references) {
    for (let tries = 1; await again(reference, visit, "198.51.100.2") !== 200; tries++) {
      if (tries === 100) throw new Broken("there was no room for a small request in 100 tries");
      await rest(500, scene);
      if (scene.over.aborted) await new Promise((resolve) => setTimeout(resolve, 500));
    }
  }
  return 200;
}
