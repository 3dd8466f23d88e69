/** molstep data */
import { z } from "zod";
import { prepareQm9, QM9_ADDRESSES } from "../chem/qm9_prepare.ts";
import { command } from "./command.ts";
import { option } from "./options.ts";
import { createProgress } from "./progress.ts";

/** QM9, prepared. */
export const dataCommand = command({
  summary: "Prepares QM9 in its compact form, with EDM's split, from the official archive.",
  options: {
    from: option(
      "SOURCE",
      `the official archive (a file or an address), or a folder in compact form (default ${QM9_ADDRESSES.archive})`,
      z.string().min(1).optional(),
    ),
    uncharacterized: option(
      "FILE",
      "the list of molecules to leave out (default: beside a local archive, else the official address)",
      z.string().min(1).optional(),
    ),
    to: option("FOLDER", "where to write (default data/qm9)", z.string().min(1).default("data/qm9")),
  },
  async run(options, terminal) {
    const progress = createProgress(terminal);
    const count = await prepareQm9({
      ...options,
      signal: terminal.signal,
      onProgress: ({ stage, molecules, total }) =>
        progress.update(molecules / total, `${stage}, ${molecules} molecules`),
    });
    progress.end();
    terminal.error(`${count} molecules are in ${options.to}\n`);
    return 0;
  },
});
