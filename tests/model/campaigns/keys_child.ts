/** Adds keys of ascending numbers to the set of a folder, and keeps it each 100, until it is killed. */
import { KeySet } from "../../../model/campaigns/keys.ts";
import { inchikeyOf } from "./inchikeys.ts";

using keys = await KeySet.open(Deno.args[0], { spill: 500 });
for (let next = Number(keys.mark ?? 0);; next += 100) {
  keys.add(Array.from({ length: 100 }, (_, k) => inchikeyOf(next + k)));
  await keys.keep(next + 100);
  console.log(next);
}
