/** What `molstep generate` draws, into one file or the files of a folder. */
import { type Sifted, stemOf } from "../model/generation/formats.ts";
import type { DrawRequest } from "../model/generation/generate.ts";
import { identity, type Unique } from "../chem/identity.ts";
import type { DrawingOptions, WrittenMolecule } from "../model/service/drawing.ts";
import { isStream, openMoleculeFile, recordOf } from "./molecule_file.ts";
import { countDrawn, type Counts, noCounts, readSidecar, type RunHead, writeSidecar } from "./sidecar.ts";
import { openSplit } from "./split.ts";

/** Draws a part of what was asked, a window at a time. */
export type Draw = (
  part: DrawRequest,
  more: Pick<DrawingOptions, "seen" | "tally">,
) => AsyncGenerator<WrittenMolecule[], void, void>;

/** What is to be written. */
interface Work {
  readonly request: DrawRequest;
  readonly draw: Draw;
  readonly head: RunHead;
  readonly out: string;
  readonly gzip: boolean;
}

/** All molecules to a file, and its record beside it; to stdout, a device or a pipe without one. */
export async function toFile(
  { request, draw, head, out, gzip, sifted }: Work & {
    /** What became of molecules that were drawn to be sifted, when all are written. */
    readonly sifted?: () => Sifted | undefined;
  },
): Promise<Counts> {
  const counts = noCounts(), stream = await isStream(out), record = recordOf(out);
  if (!stream) await readSidecar(record); // what else is there is not written over
  const writer = await openMoleculeFile(out, { gzip });
  try {
    for await (const told of draw(request, { tally: (one) => countDrawn(counts, one, request.settings.decoding) })) {
      counts.returned += told.length;
      if (told.length > 0) await writer.write(told.map(({ text }) => text).join(""));
    }
    const file = await writer.close(), { rejected, ended } = sifted?.() ?? {};
    const told = { ...counts, ...(rejected && { rejected }), ...(ended && { ended }) };
    if (!stream) {
      await writeSidecar(record, { ...head, counts: told, files: [{ ...file, molecules: counts.returned }] });
    }
  } finally {
    await writer.abort();
  }
  return counts;
}

/** Molecules to the files of a folder; goes on where an earlier run was stopped. */
export async function toFolder(
  { request, draw, head, out: folder, gzip, split: size, form, unique, tell }: Work & {
    readonly split: number;
    readonly form: string;
    readonly unique: Unique;
    readonly tell: (text: string) => void;
  },
): Promise<Counts> {
  const { count, first = 0, seed, settings: { decoding } } = request, end = first + count;
  const split = await openSplit({ folder, size, first, count, stem: stemOf(seed), form, gzip }, head);
  const told = () => `${split.finished} of ${split.chunks} chunks are finished`;
  try {
    if (split.finished > 0) tell(`${folder}: ${told()} already\n`);
    let drawnTo = split.next;
    if (drawnTo < end) {
      const part = { ...request, first: drawnTo, count: end - drawnTo };
      const windows = draw(part, {
        seen: new Set(split.keys),
        tally(one) {
          countDrawn(split.countsAt(one.index), one, decoding);
          drawnTo = one.index + 1;
        },
      });
      for await (const molecules of windows) {
        const pieces = molecules.map(({ generated: { index, validation }, text }) => ({
          index,
          text,
          ...(unique && { key: identity(validation, unique) }),
        }));
        await split.write(pieces, drawnTo);
      }
    }
    return await split.end();
  } catch (error) {
    tell(`${folder}: ${told()}; the same command goes on from there\n`);
    throw error;
  } finally {
    await split.close();
  }
}
