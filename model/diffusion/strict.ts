/** Strict schemas, which the rooms of `model/` take from here. */
export { parseKnown, strict } from "../../chem/strict.ts";
