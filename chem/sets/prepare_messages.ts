/** What is said between the thread that wants a set and the worker that makes it. */
import type { PreparedSet, SetProgress } from "./prepare.ts";

/** What the worker says. */
export type PrepareReply =
  | { readonly type: "progress"; readonly progress: SetProgress }
  | { readonly type: "done"; readonly set: PreparedSet }
  /** `name`: of the error's class. */
  | { readonly type: "failed"; readonly name: string; readonly message: string };
