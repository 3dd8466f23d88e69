/** Clients that ask the service for molecules, each one request after the other. */
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
export interface Load {
  readonly count: number;
  readonly steps: number;
  readonly clients: number;
  /** Whether a client goes on: it has made so many requests, and so many seconds are over. */
  readonly more: (requests: number, seconds: number) => boolean;
}

/** Asks until no client goes on. Throws Error where a request fails. */
export async function ask(
  service: Pick<ServiceProcess, "generate">,
  { count, steps, clients, more }: Load,
): Promise<Seen> {
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
