/** Requests that are refused, with how. */

/** A request, and the statuses that it may be answered with by a service that is up. */
export interface Nonsense {
  readonly method: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly statuses: readonly number[];
}

const JSON_TYPE = { "Content-Type": "application/json" };

const posting = (body: unknown, status: number, headers: Readonly<Record<string, string>> = {}): Nonsense => ({
  method: "POST",
  path: "/generate",
  headers: { ...JSON_TYPE, ...headers },
  body: typeof body === "string" ? body : JSON.stringify(body),
  statuses: [status],
});

/** All of it. @param token of an administrator */
export const nonsense = (token: string): readonly Nonsense[] => {
  const admin = { Authorization: `Bearer ${token}` };
  // Whoever guesses is shut out for a while, so from an address of its own.
  const guessing = { Authorization: "Bearer guessed", "X-Forwarded-For": "198.51.100.5" };
  return [
    posting("{", 400),
    posting("\ud800", 400),
    posting("[]", 422),
    posting({ count: 0, steps: 1 }, 422),
    posting({ count: 1, steps: 1001 }, 422),
    posting({ count: 1, steps: 1, colour: "red" }, 422),
    posting({ count: 1, steps: 1, seed: -1 }, 422),
    posting({ count: 1, steps: 1, heavyAtoms: [900, 901] }, 422),
    posting({ count: 1, steps: 4, atoms: 5, heavyAtoms: 5 }, 422),
    posting({ count: 1, steps: 1, timeoutMs: 86_400_000 }, 422),
    posting({ count: 1, steps: 1, model: "none" }, 404),
    posting({ count: 1, steps: 999, sampler: "distilled" }, 422),
    posting({ count: 1, steps: 1 }, 406, { Accept: "text/html" }),
    posting({ count: 1, steps: 1 }, 415, { "Content-Type": "text/plain" }),
    posting({ count: 1, steps: 1 }, 415, { "Content-Encoding": "gzip" }),
    posting(JSON.stringify({ model: "a".repeat(70_000) }), 413),
    { method: "GET", path: "/generate", statuses: [405] },
    { method: "DELETE", path: "/models", statuses: [405] },
    { method: "GET", path: "/nowhere/%00/%ff", statuses: [404] },
    { method: "GET", path: `/models/${"x".repeat(2000)}`, statuses: [404] },
    { method: "GET", path: "/jobs", statuses: [401] },
    { method: "GET", path: "/jobs", headers: guessing, statuses: [401, 429] },
    { method: "GET", path: "/jobs?limit=0", headers: admin, statuses: [422] },
    { method: "GET", path: "/jobs/none", headers: admin, statuses: [404] },
    { method: "DELETE", path: "/models/none/steps/1", headers: admin, statuses: [404] },
    {
      method: "POST",
      path: "/distill",
      headers: { ...JSON_TYPE, ...admin },
      body: '{"from":-1}',
      statuses: [422],
    },
  ];
};
