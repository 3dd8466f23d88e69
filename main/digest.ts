/** molstep digest */
import { z } from "zod";
import { readCard } from "../model/models/card.ts";
import { checkDigests, recordDigests } from "../model/models/weights.ts";
import { command } from "./command.ts";
import { flag, option } from "./options.ts";

/** The digests of a model's weights, in its card. */
export const digestCommand = command({
  summary:
    "Enters the SHA-256 of each file of weights in a model's card, so that a damaged one is refused when it is read.",
  options: {
    folder: option("FOLDER", "the model's folder (default weights/qm9)", z.string().min(1).default("weights/qm9")),
    check: flag("change nothing: exit with 1 where a digest is not there or another"),
  },
  async run({ folder, check }, { error }) {
    const faults = check ? await checkDigests(folder, await readCard(folder)) : await recordDigests(folder);
    for (const { file, sha256, found } of faults) {
      error(`${folder}/${file}: sha256 ${found}; the card ${check ? "has" : "had"} ${sha256 ?? "none"}\n`);
    }
    if (faults.length === 0) error(`${folder}: the card has the digests of all its files\n`);
    return check && faults.length > 0 ? 1 : 0;
  },
});
