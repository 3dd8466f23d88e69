/** What `deno task bench:peers` is told. */
import { z } from "zod";
import {
  flag,
  helpText,
  list,
  option,
  type Options,
  positive,
  readOptions,
  type Values,
  whole,
} from "../../main/options.ts";
import { RUNTIMES } from "../../model/engines/runtimes.ts";

/** What is measured: one call of the same network, and molecules from the first draw to the last. */
const PARTS = ["network", "sampling"] as const;

const text = () => z.string().min(1);

const OPTIONS = {
  geoldm: option("PATH", "a checkout of MinkaiXu/GeoLDM", text()),
  accgeoldm: option("PATH", "one of rlacombe/AccGeoLDM (default: left out)", text().optional()),
  edm: option("PATH", "one of ehoogeboom/e3_diffusion_for_molecules (default: left out)", text().optional()),
  python: option("PROGRAM", "a Python that has PyTorch and NumPy (default python3)", text().default("python3")),
  device: option("NAME", "where PyTorch runs: cpu or cuda (default cpu)", z.enum(["cpu", "cuda"]).default("cpu")),
  threads: option("N", "PyTorch's threads (default: the machine's cores)", whole(1).optional()),
  passive: flag("PyTorch's threads sleep while they wait: fairer to it where the machine has other work"),
  compile: flag("also PyTorch's torch.compile of the network"),
  bfloat16: flag("also PyTorch's automatic bfloat16"),
  only: option("PARTS", `${PARTS.join(", ")} (default both)`, list(z.enum(PARTS)).prefault(PARTS.join())),
  backend: option("NAMES", "where ours run (default wasm,native)", list(z.enum(RUNTIMES)).prefault("wasm,native")),
  seconds: option("N", "least length of a round (default 2)", positive().default(2)),
  rounds: option("N", "rounds of each candidate, in turns (default 5)", whole(1).default(5)),
  limit: option(
    "N",
    "seconds that the rounds of one row may take; longer rows are left out (default 240)",
    positive().default(240),
  ),
  atoms: option("N", "of network: atoms of each molecule (default 18, the mean of QM9)", whole(1, 29).default(18)),
  batches: option("N,N,..", "of network: molecules a call (default 1,16,64)", list(whole(1)).prefault("1,16,64")),
  mixture: option("N", "of network: molecules of a call on QM9's sizes; 0 for none (default 64)", whole(0).default(64)),
  model: option("NAME", "of sampling: ours, a name or a folder (default qm9)", text().default("qm9")),
  steps: option("N,N,..", "of sampling: our steps (default 16,8,4)", list(whole(1, 1000)).prefault("16,8,4")),
  molecules: option("N", "of sampling: molecules of a request of ours (default 256)", whole(1, 1000).default(256)),
  "peer-batch": option("N", "of sampling: molecules of a peer's batch (default 16)", whole(1).default(16)),
  "peer-steps": option("N", "of sampling: how many of a peer's steps are timed (default 8)", whole(1, 1000).default(8)),
  "peer-distilled": option(
    "N,N,..",
    "of sampling: steps of AccGeoLDM's students (default 125,16,8,4)",
    list(whole(1, 1000)).prefault("125,16,8,4"),
  ),
  out: option(
    "FILE",
    "where results go; - for nowhere (default bench/results/<date>-<commit>-peers.json)",
    text().optional(),
  ),
} satisfies Options;

/** Checked options. */
export type PeersOptions = Values<typeof OPTIONS>;

/** How it is used. */
export const usage = (): string =>
  helpText(
    "deno task bench:peers",
    "Measures the peers' own code and ours in one run, in turns. See docs/benchmarks.md.",
    OPTIONS,
  );

/** Reads the command line. Throws UsageError, which says what is wrong. */
export const readPeersOptions = (args: readonly string[]): PeersOptions => readOptions(args, OPTIONS);
