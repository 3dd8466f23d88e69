/** Tiny conditional checkpoints of EDM and GeoLDM, told gap, alpha and Cv, that their authors' code wrote (`conditional/make.py`). */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { importCheckpoint, type ImportOptions } from "../../../../model/models/import/import.ts";

/** Whose. */
export type Kind = "edm" | "geoldm";

/** The folder that has a folder of each. */
export const CONDITIONAL = fileURLToPath(new URL("./conditional", import.meta.url));

/** Imports one into `<root>/<name>`. @returns that folder */
export const importTold = (kind: Kind, root: string, more: Partial<ImportOptions> = {}): Promise<string> =>
  importCheckpoint({
    weights: join(CONDITIONAL, kind, "generative_model_ema.npy"),
    args: join(CONDITIONAL, kind, "args.pickle"),
    name: kind,
    to: root,
    ...more,
  });
