/** Clients that ask the service for molecules: each one request after the other, or at times of their own. */
import type { ServiceProcess } from "./service_process.ts";

/** What clients saw. */
export interface Seen {
  /** Milliseconds of each request, from the first byte sent to the last received. */
  readonly times: number[];
  /** From the first request's beginning to the last one's end. */
  readonly seconds: number;
  readonly molecules: number;
}

/** How much to ask for. */
interface Load {
  readonly count: number;
  readonly steps: number;
  readonly clients: number;
  /** Whether a client goes on: it has made so many requests, and so many seconds are over. */
  readonly more: (requests: number, seconds: number) => boolean;
}

/** What answers. */
export type Answering = Pick<ServiceProcess, "generate">;

/** Asks until no client goes on. Throws Error where a request fails. */
export async function ask(service: Answering, { count, steps, clients, more }: Load): Promise<Seen> {
  const from = performance.now(), since = () => (performance.now() - from) / 1000, times: number[] = [];
  let molecules = 0;
  await Promise.all(Array.from({ length: clients }, async (_, client) => {
    for (let k = 0; more(k, since()); k++) {
      const sent = performance.now();
      const { returned } = await service.generate({ count, steps, seed: 1 + client + clients * k });
      times.push(performance.now() - sent);
      molecules += returned;
    }
  }));
  return { times, seconds: since(), molecules };
}

/** Requests that come whether or not those before them have been answered. */
interface Arrivals {
  readonly count: number;
  readonly steps: number;
  /** When each comes, milliseconds from the beginning. */
  readonly at: readonly number[];
}

/**
 * Asks at the times given. A request's time counts from the moment when it should have come, so that a service that stalls
 * cannot make later requests come late and pass for quick ones. Throws Error where a request fails.
 */
export async function askAt(service: Answering, { count, steps, at }: Arrivals): Promise<Seen> {
  const from = performance.now(), times: number[] = [];
  let molecules = 0;
  await Promise.all(at.map(async (due, k) => {
    await new Promise((resolve) => setTimeout(resolve, Math.max(0, due - (performance.now() - from))));
    const { returned } = await service.generate({ count, steps, seed: 1 + k });
    times.push(performance.now() - from - due);
    molecules += returned;
  }));
  return { times, seconds: (performance.now() - from) / 1000, molecules };
}
