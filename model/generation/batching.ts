/**
 * Calls of a denoiser that requests share. Whoever has the device takes along, in its call, what others that stand in line for the
 * same network would ask of it, molecules of the same size, at whatever times they are. For networks whose estimates depend, to the
 * last bit, on their own molecule alone (`Capabilities.independent`): company changes nothing but the speed.
 */
import { setImmediate } from "node:timers";
import type { Turn } from "./turn.ts";
import type { BatchShape } from "../diffusion/types.ts";
import { type Condition, type Conditions, eachCondition } from "../diffusion/condition.ts";
import type { Denoiser } from "../diffusion/denoiser.ts";

/** A call that a sampler makes. */
export interface Call {
  readonly denoiser: Denoiser;
  readonly z: Float32Array;
  readonly shape: BatchShape;
  /** One for all of its molecules, or one each. */
  readonly conditions: Conditions;
}

/** How much company a call may have. */
export interface Company {
  /** Most molecules in a call. */
  readonly limit: number;
  /**
   * Most molecules that a smaller call grows to: about what the machine's cores do at once. A larger one may double. So one molecule
   * does not come to wait, step by step, for fifty that ride along. Default 8 a core.
   */
  readonly small?: number;
}

/** Calls of all who share a device. */
export interface SharedCalls {
  /**
   * x0 `[B, L]` of a call: made on this turn, in company, or taken along on another's while this one stands in line.
   *
   * @throws as `Denoiser.predict`; the reason of the signal that ends the turn's waits
   */
  predict(turn: Turn, call: Call, company: Company): Promise<Float32Array>;
}

interface Rider extends Call {
  readonly turn: Turn;
  /** Fulfilled when another's call takes it along. */
  readonly aboard: PromiseWithResolvers<void>;
  x0?: Promise<Float32Array>;
}

/** Lets all who go on after a call get as far as their next one. */
const settle = () => new Promise<void>((resolve) => setImmediate(resolve));

/** One call of several, each with its time. */
async function together(calls: readonly Call[]): Promise<Float32Array[]> {
  const [{ denoiser, shape: { nodes } }] = calls;
  const batch = calls.reduce((sum, { shape }) => sum + shape.batch, 0);
  const z = new Float32Array(calls.reduce((sum, { z }) => sum + z.length, 0)), conditions: Condition[] = [];
  let at = 0;
  for (const call of calls) {
    z.set(call.z, at);
    conditions.push(...eachCondition(call.conditions, call.shape.batch));
    at += call.z.length;
  }
  const x0 = await denoiser.predict(z, { batch, nodes }, conditions);
  at = 0;
  return calls.map((call) => x0.slice(at, at += call.z.length));
}

/** The meeting place of one device's calls. */
export function createSharedCalls(): SharedCalls {
  const riders = new Set<Rider>();
  let company = false;

  const board = (
    { denoiser, shape: { batch, nodes } }: Call,
    { limit, small = 8 * navigator.hardwareConcurrency }: Company,
  ) => {
    const most = Math.min(limit, Math.max(small, 2 * batch)), taken: Rider[] = [];
    let total = batch;
    for (const rider of riders) {
      if (rider.denoiser !== denoiser || rider.shape.nodes !== nodes || total + rider.shape.batch > most) continue;
      total += rider.shape.batch;
      taken.push(rider);
    }
    return taken;
  };

  return {
    async predict(turn, call, options) {
      turn.pass();
      if (!turn.held) {
        const rider: Rider = { ...call, turn, aboard: Promise.withResolvers() };
        riders.add(rider);
        try {
          await turn.wait(rider.aboard.promise);
        } finally {
          riders.delete(rider);
        }
        if (rider.x0) return await rider.x0;
      }
      // Who rode along is on the way to the next call.
      if (company) await settle();
      const taken = board(call, options);
      company = taken.length > 0;
      if (!company) return await call.denoiser.predict(call.z, call.shape, call.conditions);
      for (const rider of taken) riders.delete(rider);
      const all = together([call, ...taken]);
      taken.forEach((rider, k) => {
        rider.x0 = all.then((x0) => x0[1 + k]);
        rider.x0.catch(() => {}); // whoever still waits hears of it
        rider.turn.served();
        rider.aboard.resolve();
      });
      return (await all)[0];
    },
  };
}
