/** Rounds of distillation in the middle of the load: begun, disturbed, published, and taken out again. */
import { jobDetail } from "../../routes/jobs_schema.ts";
import type { Ending, Keeper } from "./keeper.ts";
import { allow, Broken, held, request, type Scene } from "./visits.ts";

/** How a round is disturbed: its worker is killed, the service is, or it is stopped in peace; or not at all. */
export type Disturbance = "worker" | Ending | "none";

/** What a round works with. */
export interface RoundScene extends Pick<Scene, "tally" | "model"> {
  readonly keeper: Keeper;
  /** The data directory. */
  readonly data: string;
}

/** A small round: the student is as good as any, and judged so. */
const ORDER = { from: 16, to: 8, updates: 40, batch: 4, samples: 4, accept: 100, seed: 1 };

/** Seconds that a step of a round may take. */
const PATIENCE = 900;

/** States of a job that has ended. */
const ENDED = ["done", "rejected", "failed", "cancelled"];

/** Numbers of the processes that train in a folder. */
export function trainers(folder: string): number[] {
  return [...Deno.readDirSync("/proc")].map(({ name }) => Number(name)).filter((pid) => {
    if (!Number.isInteger(pid)) return false;
    try {
      const words = Deno.readTextFileSync(`/proc/${pid}/cmdline`);
      return words.includes("distill") && words.includes(folder);
    } catch {
      return false;
    }
  });
}

/** Asks an administrator's route of the service that runs. @throws Broken where it is answered otherwise */
async function ask(
  { keeper, model }: RoundScene,
  [method, path, body]: readonly [method: string, path: string, body?: unknown],
  status: number,
) {
  const { url, process: { token } } = await keeper.up();
  const response = await request(url + path, {
    method,
    headers: {
      Authorization: `Bearer ${token}`,
      "X-Forwarded-For": "198.51.100.3",
      ...body !== undefined && { "Content-Type": "application/json" },
    },
    ...body !== undefined && { body: JSON.stringify(body) },
  });
  await allow(response, status);
  const text = await response.text();
  return text === "" ? { model } : JSON.parse(text);
}

/** Waits until a job is as it shall be. @throws Broken where it ends otherwise, or takes too long */
async function until(
  scene: RoundScene,
  id: string,
  what: string,
  found: (job: ReturnType<typeof jobDetail.parse>) => boolean,
) {
  for (const end = performance.now() + 1000 * PATIENCE;;) {
    const told = await ask(scene, ["GET", `/jobs/${id}`], 200), job = held(() => jobDetail.parse(told));
    if (found(job)) return job;
    if (ENDED.includes(job.state) || performance.now() > end) {
      throw new Broken(`job ${id} must be ${what} within ${PATIENCE} s; it is ${job.state}: ${job.reason}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

/** What draws at the steps of the student. @throws Broken */
async function drawnBy(scene: RoundScene): Promise<{ sampler: string; version: string }> {
  const body = { model: scene.model, count: 2, steps: ORDER.to, seed: 1 };
  for (let tries = 1;; tries++) {
    const { url } = await scene.keeper.up();
    const response = await request(`${url}/generate`, {
      method: "POST",
      headers: { "Content-Type": "application/json", "X-Forwarded-For": "198.51.100.4" },
      body: JSON.stringify(body),
    });
    if (response.status === 200) return await response.json();
    await allow(response, 503);
    await response.body?.cancel();
    if (tries === 100) throw new Broken("there was no room for a small request in 100 tries");
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
}

/** Disturbs a round that has got on, and sees that it goes on. @throws Broken */
async function disturb(scene: RoundScene, id: string, how: Disturbance): Promise<void> {
  const { keeper, tally, data } = scene;
  switch (how) {
    case "none":
      return;
    case "worker": {
      const pids = trainers(data);
      if (pids.length === 0) return tally.event("the round was over before its worker could be killed");
      for (const pid of pids) Deno.kill(pid, "SIGKILL");
      tally.event("SIGKILL to the round's worker");
      const { reason } = await until(scene, id, "failed", ({ state }) => state === "failed");
      if (!/killed/.test(reason ?? "")) {
        throw new Broken(`the reason must say that the worker was killed; got ${reason}`);
      }
      await ask(scene, ["POST", `/jobs/${id}/resume`], 202);
      return;
    }
    default:
      await keeper.restart(how);
  }
}

/**
 * A round from its order to its student in service, and out of it. Rounds resume exactly, so each makes the same student, disturbed or not.
 *
 * @param expected the version of the student that a round before has made
 * @returns the version of the student
 * @throws Broken where the job does not come through, or what is drawn is not the student's while it is in service
 */
export async function round(scene: RoundScene, how: Disturbance, expected?: string): Promise<string> {
  const { tally, model, data } = scene;
  const { id } = await ask(scene, ["POST", "/distill", { model, ...ORDER }], 202);
  tally.event(`round ${id} has begun`);
  await until(scene, id, "getting on", ({ progress }) => progress !== null);
  await disturb(scene, id, how);
  await until(scene, id, "done", ({ state }) => state === "done");
  const { card: { distilled } } = await ask(scene, ["GET", `/models/${model}`], 200);
  const entry = distilled.find(({ steps }: { steps: number }) => steps === ORDER.to), drawn = await drawnBy(scene);
  if (drawn.sampler !== "distilled" || drawn.version !== entry?.version) {
    throw new Broken(
      `the student ${entry?.version} must draw at ${ORDER.to} steps; ${drawn.sampler} ${drawn.version} does`,
    );
  }
  if (expected !== undefined && drawn.version !== expected) {
    throw new Broken(`a round must make the same student as before, ${expected}; got ${drawn.version}`);
  }
  tally.event(`student ${entry.version} is in service (disturbed: ${how})`);
  await ask(scene, ["DELETE", `/models/${model}/steps/${ORDER.to}`], 204);
  const after = await drawnBy(scene);
  if (after.sampler === "distilled") {
    throw new Broken(`nothing distilled must draw at ${ORDER.to} steps; ${after.version} does`);
  }
  const left = trainers(data);
  if (left.length > 0) throw new Broken(`no process must train after a round; ${left.join(", ")} do`);
  return drawn.version;
}
