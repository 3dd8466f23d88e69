/** A client's visit to the service, and what is held against whatever becomes of it. */
import { asleep } from "../../chem/breathe.ts";
import { MEDIA_TYPES } from "../../routes/generate_schema.ts";
import type { Random } from "../../model/diffusion/random.ts";
import type { Form } from "../../model/service/drawing.ts";
import { judgeCut, type Keeper, type Life } from "./keeper.ts";
import type { Tally } from "./tally.ts";

/** What clients work with. */
export interface Scene {
  readonly keeper: Pick<Keeper, "up">;
  readonly tally: Tally;
  /** The name of the model. */
  readonly model: string;
  /** Seconds that requests in flight have after SIGTERM, the drain before included. */
  readonly shutdownSeconds: number;
  /** Seconds for a head, a body, and a reader, as the service is configured. */
  readonly patienceSeconds: number;
  /** Aborted when the load is over: visits end, and no more begin. */
  readonly over: AbortSignal;
}

/** A client: what one of its visits is, and how long it rests at most between two, ms. */
export interface Client {
  readonly restMs: number;
  visit(scene: Scene, draw: Random, address: string): Promise<unknown>;
}

/** One of these. */
export const one = <T>(draw: Random, values: readonly T[]): T => values[draw.integer(values.length)];

/** An invariant broke: what no cut connection excuses. */
export class Broken extends Error {
  override readonly name = "Broken";
}

/** Connections that are kept alive are not used again after a second: the service ends them after some, and a request must not meet that. */
const client = Deno.createHttpClient({ poolIdleTimeout: 1000 });

/** A request over HTTP, as `fetch`. */
export const request = (url: string, init: RequestInit = {}): Promise<Response> => fetch(url, { ...init, client });

/** Longest that a client waits for an answer to end, ms. */
const LONGEST = 600_000;

/** A visit that has begun. */
export interface Visit {
  readonly life: Life;
  readonly url: string;
  /** Aborted when the client has waited for too long. */
  readonly signal: AbortSignal;
  /** An answer has begun that promises so many molecules. */
  begin(molecules: number): void;
}

/** Waits, or until the load is over. */
export const rest = (ms: number, { over }: Pick<Scene, "over">) => asleep(ms, over);

/** Runs a visit of this kind, and counts what it comes to. @param work resolves to the outcome; throws {@link Broken}, or whatever a cut connection throws */
export async function visit(
  { keeper, tally, shutdownSeconds }: Pick<Scene, "keeper" | "tally" | "shutdownSeconds">,
  kind: string,
  work: (visit: Visit) => Promise<string | number>,
): Promise<string | number> {
  const life = await keeper.up(), asked = performance.now(), signal = AbortSignal.timeout(LONGEST);
  let begun = false, promised = 0, outcome: string | number;
  const begin = (molecules: number) => {
    begun = true;
    promised = molecules;
  };
  try {
    outcome = await work({ life, url: life.url, signal, begin });
  } catch (error) {
    outcome = error instanceof Broken || signal.aborted ? "fault" : judgeCut(life, { asked, begun, shutdownSeconds });
    if (outcome === "fault") {
      const { message, cause } = error as Error,
        why = cause instanceof Error ? `${message}: ${cause.message}` : message;
      const told = signal.aborted ? `no end of an answer within ${LONGEST / 1000} s` : why;
      tally.fault(`${kind}, after ${((performance.now() - asked) / 1000).toFixed(1)} s: ${told}`);
    } else if (begun) tally.lost(promised);
  }
  tally.request(kind, outcome);
  return outcome;
}

/** Holds that an answer has one of these statuses, and says when to come again where it must. @throws Broken */
export async function allow(response: Response, ...statuses: readonly number[]): Promise<void> {
  const { status, url } = response;
  if (!statuses.includes(status)) {
    throw new Broken(
      `${url} must be answered ${statuses.join(" or ")}; got ${status}: ${(await response.text()).slice(0, 300)}`,
    );
  }
  if ((status === 429 || status === 503) && !(Number(response.headers.get("retry-after")) >= 1)) {
    throw new Broken(`Retry-After of ${status} must be seconds; got ${response.headers.get("retry-after")}`);
  }
}

/** Whatever this throws breaks an invariant. */
export function held<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw new Broken((error as Error).message.slice(0, 500));
  }
}

/** A request of POST /generate, for fetch. */
export const posted = (
  body: unknown,
  { form, address, signal }: { readonly form: Form; readonly address: string; readonly signal: AbortSignal },
): RequestInit => ({
  method: "POST",
  headers: { "Content-Type": "application/json", Accept: MEDIA_TYPES[form], "X-Forwarded-For": address },
  body: typeof body === "string" ? body : JSON.stringify(body),
  signal,
});
