/** molstep data */
import { basename } from "node:path";
import { z } from "zod";
import { DEFAULT_DATA_SET, setFolder } from "../chem/data_sets.ts";
import { prepareQm9, QM9_ADDRESSES } from "../chem/qm9_prepare.ts";
import { ATOMS_MAX, PICTURE_FILE, POSITION_UNITS, REFUSED_FILE, setName } from "../chem/sets/form.ts";
import { summaryText } from "../chem/sets/picture.ts";
import { HEAVY_ATOMS, type SetSource } from "../chem/sets/prepare.ts";
import { prepareInWorker } from "../chem/sets/prepare_in_worker.ts";
import { command, type Terminal } from "./command.ts";
import { option, positive, UsageError, whole } from "./options.ts";
import { createProgress } from "./progress.ts";

/** Options that are of QM9 alone, and of sets alone. */
const OF_QM9 = ["from", "uncharacterized"] as const, OF_SETS = ["name", "description", "heavy-atoms"] as const;

/** QM9, or a set of anybody's molecules, prepared. */
export const dataCommand = command({
  summary:
    "Prepares molecules to train on: QM9 from its official archive, with EDM's split, or those of an SDF file or of a folder of arrays.",
  options: {
    sdf: option(
      "FILE",
      "any molecules with 3D coordinates, bonds and hydrogens (.sdf or .sdf.gz)",
      z.string().min(1).optional(),
    ),
    compact: option("FOLDER", "the same as NumPy arrays (docs/data.md)", z.string().min(1).optional()),
    units: option(
      "N",
      `parts of an angstrom that --compact's positions are in, where its folder does not say (default ${POSITION_UNITS})`,
      positive().optional(),
    ),
    name: option(
      "NAME",
      "the set's name, by which `train --data` finds it (default: that of the file or folder)",
      setName.optional(),
    ),
    description: option(
      "TEXT",
      "what the set is, for the cards of models (default: its name and number of molecules)",
      z.string().min(1).optional(),
    ),
    "heavy-atoms": option(
      "N",
      `most heavy atoms of a molecule; larger ones are refused (default ${HEAVY_ATOMS})`,
      whole(1, ATOMS_MAX).optional(),
    ),
    from: option(
      "SOURCE",
      `of QM9 the official archive (a file or an address), or a folder in compact form (default ${QM9_ADDRESSES.archive})`,
      z.string().min(1).optional(),
    ),
    uncharacterized: option(
      "FILE",
      "of QM9 the list of molecules to leave out (default: beside a local archive, else the official address)",
      z.string().min(1).optional(),
    ),
    to: option("FOLDER", "where to write (default data/NAME; data/qm9)", z.string().min(1).optional()),
  },
  async run({ sdf, compact, units, to, ...options }, terminal) {
    const source = sourceOf(sdf, compact, units);
    for (const key of source ? OF_QM9 : OF_SETS) {
      if (options[key] !== undefined) {
        throw new UsageError(
          `--${key} is ${source ? "of QM9: not with --sdf or --compact" : "of sets: --sdf or --compact must be given"}`,
        );
      }
    }
    if (!source) return await qm9(options, to ?? `data/${DEFAULT_DATA_SET}`, terminal);
    const name = nameOf(options.name, (sdf ?? compact)!), { description, "heavy-atoms": heavyAtoms } = options;
    return await set({ from: source, name, to: to ?? setFolder(name), description, heavyAtoms }, terminal);
  },
});

function sourceOf(sdf?: string, compact?: string, units?: number): SetSource | undefined {
  if (sdf !== undefined && compact !== undefined) throw new UsageError("--sdf or --compact must be given; got both");
  if (units !== undefined && compact === undefined) {
    throw new UsageError("--units is of --compact, which must be given");
  }
  return sdf !== undefined ? { sdf } : compact !== undefined ? { compact, units } : undefined;
}

/** The name that is given, or that of the file or folder. */
function nameOf(given: string | undefined, path: string): string {
  const name = given ?? basename(path).toLowerCase().replace(/(\.sdf|\.sd)?(\.gz)?$/, "");
  const { success, error } = setName.safeParse(name);
  if (success && name !== DEFAULT_DATA_SET) return name;
  const why = error?.issues[0].message ?? `must be another than ${DEFAULT_DATA_SET}`;
  throw new UsageError(`--name ${why}; got ${JSON.stringify(name)}`);
}

async function set(order: Parameters<typeof prepareInWorker>[0], terminal: Terminal): Promise<number> {
  const progress = createProgress(terminal), { signal } = terminal;
  const { summary } = await prepareInWorker(order, {
    signal,
    onProgress: ({ done, molecules, refused }) => progress.update(done, `${molecules} molecules, ${refused} refused`),
  });
  progress.end();
  terminal.out(summaryText(summary));
  terminal.error(
    `the set ${order.name} is in ${order.to}; ${PICTURE_FILE} is its picture, ${REFUSED_FILE} has each refused record with the reason\n`,
  );
  return 0;
}

async function qm9(
  options: { from?: string; uncharacterized?: string },
  to: string,
  terminal: Terminal,
): Promise<number> {
  const progress = createProgress(terminal);
  const count = await prepareQm9({
    ...options,
    to,
    signal: terminal.signal,
    onProgress: ({ stage, molecules, total }) => progress.update(molecules / total, `${stage}, ${molecules} molecules`),
  });
  progress.end();
  terminal.error(`${count} molecules are in ${to}\n`);
  return 0;
}
