/** Molecules drawn by the service, one after the other as they come. */
import { useEffect, useRef, useState } from "./html.js";
import { ask, Problem, records } from "./service.js";

/** @typedef {import("./molecule.js").Molecule} Molecule */

/**
 * @typedef {{
 *   state: "idle" | "running" | "done" | "stopped" | "failed", asked: number, molecules: Molecule[], seconds: number,
 *   facts: Record<string, string>, counts?: {drawn: number, passed?: number, rejected?: Record<string, number>}, error?: Error,
 * }} Drawing
 */

/** @type {Drawing} */
export const NOTHING = { state: "idle", asked: 0, molecules: [], seconds: 0, facts: {} };

/** What the cards show of each molecule. */
const INCLUDE = ["descriptors", "bonds", "judge", "sdf"];

/** What drew them, of an answer's headers: `seed`, `steps`, `sampler`... @param {Response} response */
const factsOf = (response) =>
  Object.fromEntries(
    [...response.headers].filter(([name]) => name.startsWith("molstep-")).map((
      [name, value],
    ) => [name.slice(8), value]),
  );

/** A molecule by a request for it alone. @param {Record<string, unknown>} body @param {AbortSignal} [signal] */
export async function drawOne(body, signal) {
  const response = await ask("generate", {
    method: "POST",
    accept: "application/x-ndjson",
    body: { ...body, include: INCLUDE },
    signal,
  });
  const facts = factsOf(response);
  for await (const one of records(response)) {
    if (one.error) throw new Problem(504, { detail: one.error });
    return { molecule: /** @type {Molecule} */ (one), facts };
  }
  throw new Error("the service drew no molecule");
}

/** Draws on demand, and keeps what has come. The list is told of at most once a frame. */
export function useDrawing() {
  const [drawing, setDrawing] = useState(NOTHING),
    stopper = useRef(/** @type {AbortController | undefined} */ (undefined));
  const stop = () => stopper.current?.abort();
  useEffect(() => stop, []);

  /** @param {Record<string, any>} body @param {(facts: Record<string, string>) => void} onFacts */
  async function start(body, onFacts) {
    stop();
    const control = stopper.current = new AbortController(), began = performance.now();
    /** @type {Drawing} */
    let now = { ...NOTHING, state: "running", asked: body.want ?? body.count };
    let frame = 0;
    const tell = () => {
      frame = 0;
      if (stopper.current === control) {
        setDrawing(now = { ...now, molecules: [...now.molecules], seconds: (performance.now() - began) / 1000 });
      }
    };
    tell();
    try {
      const include = [...new Set([...INCLUDE, ...(body.include ?? [])])];
      const response = await ask("generate", {
        method: "POST",
        accept: "application/x-ndjson",
        body: { ...body, include },
        signal: control.signal,
      });
      now.facts = factsOf(response);
      if (stopper.current === control) onFacts(now.facts);
      for await (const one of records(response)) {
        if (one.error) now.error = new Problem(504, { title: "Not all of them", detail: one.error });
        else if (one.index === undefined) now.counts = one;
        else now.molecules.push(one);
        frame ||= requestAnimationFrame(tell);
      }
      now.state = now.error ? "failed" : "done";
    } catch (error) {
      now.state = control.signal.aborted ? "stopped" : "failed";
      if (now.state === "failed") now.error = /** @type {Error} */ (error);
    }
    cancelAnimationFrame(frame);
    tell();
  }
  return { drawing, start, stop };
}
