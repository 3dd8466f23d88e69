/** What a token may do. */

/** In words, each scope. `admin` includes the others. */
export const SCOPE_WORDS = {
  generate: "draw molecules, and see the models that there are",
  read: "see models, jobs and campaigns with their events, results of campaigns, and metrics",
  campaign: "estimate, begin, see, go on with and remove campaigns",
  admin:
    "all of that; give, see and remove sets of molecules; begin, cancel and resume rounds; take weights out of service",
} as const;

/** A scope. */
export type Scope = keyof typeof SCOPE_WORDS;

/** Every scope. */
export const SCOPES = Object.keys(SCOPE_WORDS) as readonly Scope[];

/** Scopes that a service may give to whoever reaches it. */
export const OPENABLE = ["generate", "read", "campaign"] as const satisfies readonly Scope[];

/** Whether scopes that are held are enough where one of those asked is needed; where none is asked they always are. */
export const suffices = (held: readonly Scope[], asked: readonly Scope[]): boolean =>
  asked.length === 0 || held.includes("admin") || asked.some((scope) => held.includes(scope));

/** Scopes that need no token: those given; where none are, `generate` of a service without a file of tokens, else none. */
export const openScopes = (given: readonly Scope[] | undefined, tokens: unknown): readonly Scope[] =>
  given ?? (tokens === undefined ? ["generate"] : []);
