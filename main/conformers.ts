/** molstep conformers */
import { basename } from "node:path";
import { z } from "zod";
import { COUNTED, noConformers } from "../chem/conformers/answer.ts";
import { GENERATORS } from "../chem/conformers/generators.ts";
import { CONFORMER_REFINES, DEFAULT_FIELD, forceFieldOf } from "../chem/conformers/force_fields.ts";
import { ATOMS_MAX } from "../chem/refinement/refine.ts";
import { writeAtomically } from "../model/diffusion/files.ts";
import { createConformerPool, type PoolOptions } from "../model/generation/conformer_pool.ts";
import {
  chooseSource,
  CONFORMER_STEPS_MAX,
  DEFAULT_CONFORMER_STEPS,
  DEFAULT_SOURCE_WORDS,
  defaultSource,
  type SourceAsked,
  type SourceChoice,
} from "../model/generation/conformer_sources.ts";
import { drawSeed, ImpossibleOrderError } from "../model/generation/order.ts";
import { VERSION } from "../model/models/version.ts";
import { CONFORMERS_MAX, conformersRequest, DEFAULT_COUNT } from "../routes/conformers_schema.ts";
import { dataFolder, findModel, findModels } from "./models.ts";
import { command } from "./command.ts";
import { type FileItem, openMolecules, placeName } from "./conformer_file.ts";
import { formOf, isStream, openMoleculeFile, partsOf, recordOf, writingTo } from "./molecule_file.ts";
import { flag, option, UsageError, whole } from "./options.ts";
import { createProgress } from "./progress.ts";

const { temperature, rmsd } = conformersRequest.shape;

/** A number of a request, as a command line gives it. */
const number = <T extends z.ZodType<number, number | undefined>>(schema: T) =>
  z.string().transform(Number).optional().pipe(schema);

/** A molecule of the file without conformers. */
interface Failure {
  readonly place: number;
  readonly name?: string;
  readonly reason: string;
  readonly message: string;
}

/** Conformers of the molecules of a file, to another one. */
export const conformersCommand = command({
  summary: "Draws conformers of the molecules of a file: molstep conformers molecules.smi --out conformers.sdf.gz",
  options: {
    in: option(
      "FILE",
      "SMILES and names, a line each (.smi), or molecules (.sdf), by gzip or not; stands first, without --in",
      z.string({ error: "must be given" }).min(1),
    ),
    out: option(
      "FILE",
      "where to write (.sdf or .sdf.gz), with a record beside it; - for stdout (default conformers.sdf.gz)",
      z.string().min(1).default("conformers.sdf.gz"),
    ),
    count: option(
      "N",
      `conformers to draw of each, before those that are the same are dropped (default ${DEFAULT_COUNT})`,
      whole(1, CONFORMERS_MAX).default(DEFAULT_COUNT),
    ),
    seed: option("N", "the same seed gives the same conformers (default: drawn)", whole(0, 0xffffffff).optional()),
    model: option(
      "NAME",
      `what draws positions: ${
        GENERATORS.join(", ")
      }, or a model that is told the graph, or its folder (default: ${DEFAULT_SOURCE_WORDS})`,
      z.string().min(1).optional(),
    ),
    steps: option(
      "N",
      `steps of the model (default ${DEFAULT_CONFORMER_STEPS})`,
      whole(1, CONFORMER_STEPS_MAX).optional(),
    ),
    refine: option(
      "NAME",
      `the force field whose minimum they are moved to, and that weighs them: ${
        CONFORMER_REFINES.join(", ")
      } (default ${DEFAULT_FIELD})`,
      z.enum(CONFORMER_REFINES).optional(),
    ),
    raw: flag("leave positions as they are drawn: --refine none"),
    temperature: option("K", "of Boltzmann's weights (default 298.15)", number(temperature)),
    rmsd: option("A", "conformers that are nearer than that, angstrom, are the same (default 0.5)", number(rmsd)),
    resample: flag("keep those of --count draws by their weights, with how often each was drawn"),
    atoms: option(
      "N",
      `most atoms of a molecule, hydrogens included (default ${ATOMS_MAX})`,
      whole(1, 999).default(ATOMS_MAX),
    ),
    seconds: option("N", "longest that a molecule may take (default 600)", whole(1, 86_400).default(600)),
    workers: option("N", "workers (default: a core less than there are, 1 to 3)", whole(1, 64).optional()),
  },
  words: "in",
  async run(
    { in: from, out, seed = drawSeed(), raw, refine: by, workers, atoms: atomsMax, model, steps, ...asked },
    terminal,
  ) {
    if (raw && by !== undefined) throw new UsageError(`--refine must be absent beside --raw; got ${by}`);
    const refine = raw ? "none" : by ?? DEFAULT_FIELD;
    const gzip = gzipOf(out), { named, source } = await sourceOf({ model, steps }, terminal.environment);
    const options: PoolOptions = { ...asked, source, seed, refine, atomsMax, form: "sdf" };
    const items = await openMolecules(from), started = performance.now(), given: FileItem[] = [];
    const onFault = (error: Error) => terminal.error(`${error.message}; going on without\n`);
    const pool = createConformerPool({ workers, onFault }),
      progress = createProgress(terminal),
      failures: Failure[] = [];
    const counts = noConformers(), writer = await openMoleculeFile(out, { gzip }), what = placeName(from);
    let molecules = 0, file;
    async function* noted() {
      for await (const item of items) {
        given.push(item);
        yield item;
      }
    }
    try {
      for await (const { text, error, counts: own } of pool.answers(noted(), options, terminal.signal)) {
        const { place, name } = given.shift()!;
        molecules++;
        for (const one of COUNTED) counts[one] += own[one];
        if (error) {
          failures.push({ place, name, ...error });
          terminal.error(`${from}, ${what} ${place}${name === undefined ? "" : ` (${name})`}: ${error.message}\n`);
        } else await writer.write(text);
        progress.update(0, `${molecules} molecules`);
      }
      file = await writer.close();
    } finally {
      await writer.abort();
      pool.close();
    }
    const seconds = (performance.now() - started) / 1000;
    const told = { molecules, answered: molecules - failures.length, ...counts };
    if (!await isStream(out)) {
      const record = {
        ...{
          molstep: VERSION,
          from: basename(from),
          request: { ...options, source: undefined, ...named },
          forceField: forceFieldOf(refine),
        },
        ...{ counts: told, file, failures },
      };
      await writingTo(
        out,
        () => writeAtomically(recordOf(out), new TextEncoder().encode(JSON.stringify(record, null, 2) + "\n")),
      );
    }
    progress.end();
    terminal.error(
      `${counts.returned} conformers of ${told.answered} of ${molecules} molecules to ${
        out === "-" ? "stdout" : out
      }: seed ${seed}; ` +
        `${counts.drawn} drawn, left out ${counts.duplicate} as duplicates, ${counts.stereo} for their stereo, ${counts.broken} as broken; ` +
        `${seconds.toFixed(1)} s, ${(molecules / seconds).toFixed(2)} molecules/s\n`,
    );
    if (told.answered > 0) return 0;
    terminal.error(molecules === 0 ? `${from}: there is no molecule in it\n` : `${from}: no molecule has conformers\n`);
    return 1;
  },
});

/** The source that draws. @throws UsageError where there is none of this name, or steps are asked of a generator */
async function sourceOf(
  asked: SourceAsked,
  environment: Parameters<typeof dataFolder>[0],
): Promise<{ readonly named: SourceAsked; readonly source: SourceChoice }> {
  const { model } = asked, byFolder = model?.includes("/");
  const entries = byFolder ? [await findModel(model!)] : await findModels(undefined, { data: dataFolder(environment) });
  const named = { ...asked, model: byFolder ? entries[0].name : model ?? defaultSource(entries) };
  try {
    return { named, source: chooseSource(entries, named) };
  } catch (error) {
    throw error instanceof ImpossibleOrderError ? new UsageError(`--${error.message}`) : error;
  }
}

/** Whether it is to be compressed. @throws UsageError for another form than SDF */
function gzipOf(out: string): boolean {
  if (out === "-") return false;
  const { format, gzip } = partsOf(formOf(out));
  if (format !== "sdf") throw new UsageError(`--out must end in .sdf or .sdf.gz; got ${out}`);
  return gzip;
}
