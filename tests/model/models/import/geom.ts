/** Tiny checkpoints of EDM and GeoLDM of GEOM-Drugs that their authors' code wrote (`geom/make.py`). */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { importCheckpoint, type ImportOptions } from "../../../../model/models/import/import.ts";
import type { Kind } from "./conditional.ts";

/** The folder that has a folder of each. */
export const GEOM_CHECKPOINTS = fileURLToPath(new URL("./geom", import.meta.url));

/** Imports one into `<root>/<name>`. @returns that folder */
export const importGeom = (kind: Kind, root: string, more: Partial<ImportOptions> = {}): Promise<string> =>
  importCheckpoint({
    weights: join(GEOM_CHECKPOINTS, kind, "generative_model_ema.npy"),
    args: join(GEOM_CHECKPOINTS, kind, "args.pickle"),
    name: `${kind}-geom`,
    to: root,
    ...more,
  });
