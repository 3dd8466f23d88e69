/** One call of GeoLDM's network in PyTorch and on our engines: the same weights, the same inputs. */
import { readCard } from "../../model/models/card.ts";
import { importCheckpoint } from "../../model/models/import/import.ts";
import type { RuntimeName } from "../../model/engines/runtimes.ts";
import { startSubject, type SubjectProcess } from "../subject_process.ts";
import { ENGINES } from "../subject.ts";
import type { Result } from "../table.ts";
import { type Case, type Rounds, throughput } from "../throughput.ts";
import { evenSizes, writeInputs } from "./inputs.ts";
import { type PeerSubject, savedFiles, startPeer } from "./process.ts";

/** What to measure. */
interface NetworkBench extends Rounds {
  readonly python: string;
  readonly peer: PeerSubject;
  /** Also PyTorch's compiled network, and its bfloat16. */
  readonly compile: boolean;
  readonly bfloat16: boolean;
  /** Where ours run. */
  readonly backends: readonly RuntimeName[];
  readonly atoms: number;
  readonly batches: readonly number[];
  /** Molecules of a call on the data's sizes; 0 for none. */
  readonly mixture: number;
}

/** Difference allowed to bfloat16, whose numbers have 8 bits. */
const COARSE = 0.1;

/** PyTorch's candidates by name; the first is what ratios are to. */
function variants({ compile, bfloat16 }: Pick<NetworkBench, "compile" | "bfloat16">) {
  const all: [string, Partial<PeerSubject>][] = [["GeoLDM", {}]];
  if (compile) all.push(["GeoLDM compiled", { compile }]);
  if (bfloat16) all.push(["GeoLDM bfloat16", { bfloat16 }]);
  if (compile && bfloat16) all.push(["GeoLDM compiled bfloat16", { compile, bfloat16 }]);
  return new Map(all);
}

/** The place of a runtime. */
export const placeOf = (name: RuntimeName) =>
  ENGINES.find((place) => place === `${name} engine`) ?? ENGINES.find((place) => place === `tfjs ${name}`)!;

/** A process that is asked in one way and asks in another. */
const asking = (process: SubjectProcess, translate: ReadonlyMap<string, string>): SubjectProcess => ({
  ...process,
  measure: ({ batch, what, seconds }) =>
    process.measure({ batch, what: translate.get(`${batch} ${what}`) ?? what, seconds }),
});

/** Measures. Throws Error where the peer does not run here, or our importer refuses what it saved. */
export async function benchNetwork(options: NetworkBench): Promise<Result> {
  const { python, peer, backends, atoms, batches, mixture, limit } = options, torch = variants(options);
  const folder = await Deno.makeTempDir({ prefix: "molstep-peers-" });
  try {
    const saved = await startPeer(python, { ...peer, save: folder }, limit);
    await saved.close();
    const model = await importCheckpoint({ ...savedFiles(folder), name: "peer", to: folder });
    const { space, sizes } = await readCard(model), mixed = evenSizes(sizes, mixture);
    const cases = batches.map((batch): Case => ({ batch, what: String(atoms), name: { atoms: String(atoms), batch } }));
    if (mixture > 0) {
      cases.push({ batch: mixture, what: mixed.join(), name: { atoms: "QM9's sizes", batch: mixture } });
    }
    const translate = new Map<string, string>();
    for (const { batch, what } of cases) {
      translate.set(`${batch} ${what}`, await writeInputs(folder, space, what!.split(",").map(Number), batch));
    }
    const ours = backends.map(placeOf), [reference] = torch.keys();
    return await throughput({
      ...options,
      bench: "peers: network",
      subject: { type: "model", folder: model, nodes: atoms },
      settings: { network: "GeoLDM's denoiser for QM9, random weights, the same everywhere" },
      places: [...torch.keys(), ...ours],
      batches: cases,
      reference,
      rate: { name: "molecule-steps/s", each: (batch) => batch },
      tolerance: (place) => torch.get(place)?.bfloat16 ? COARSE : 1e-4,
      async start(place, timeout) {
        const variant = torch.get(place);
        if (!variant) {
          return await startSubject({
            type: "model",
            folder: model,
            nodes: atoms,
            place: ours.find((one) => one === place)!,
          }, timeout);
        }
        const subject = { ...peer, ...variant, weights: folder, inputs: folder };
        return asking(await startPeer(python, subject, timeout), translate);
      },
    });
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}
