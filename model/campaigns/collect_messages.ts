/** What a collecting worker is asked and answers. */
import type { CollectOrder, Taken } from "./collect.ts";

/** A question, and what answers it. */
export interface CollectAsks {
  /** Text by gzip. */
  pack: { ask: { text: string }; answer: Uint8Array<ArrayBuffer> };
  open: { ask: { collector: number; order: CollectOrder }; answer: null };
  take: { ask: { collector: number; file: Uint8Array<ArrayBuffer>; room: number }; answer: Taken };
  /** Begins to make what is made of all at once; `step` makes a piece of it, and is null until it is whole. */
  finish: { ask: { collector: number; parts: readonly number[] }; answer: null };
  step: { ask: { collector: number }; answer: number | null };
  /** What was by gzip. */
  unpack: { ask: { bytes: Uint8Array<ArrayBuffer> }; answer: Uint8Array<ArrayBuffer> };
  close: { ask: { collector: number }; answer: null };
}

/** A question. */
export type CollectAsk = { [K in keyof CollectAsks]: { readonly type: K } & CollectAsks[K]["ask"] }[keyof CollectAsks];

/** An answer, or why there is none: an error's name, words and code. */
export type CollectAnswer =
  | { readonly value: CollectAsks[keyof CollectAsks]["answer"] }
  | { readonly fault: { readonly name: string; readonly message: string; readonly code?: string } };
