/** `deno task bench:peers`: the peers' own code and ours on one machine, in one run, in turns. */
import { findModel } from "../../main/models.ts";
import { conditions } from "../conditions.ts";
import { asksForHelp, keep, machineLine, resultsPath, runProgram } from "../program.ts";
import { formatResult, type Result } from "../table.ts";
import { toldCommand } from "../told.ts";
import { benchNetwork } from "./network.ts";
import { type PeersOptions, readPeersOptions, usage } from "./options.ts";
import { commitOf, type Peer, PEERS } from "./process.ts";
import { benchSampling, stepsOf } from "./sampling.ts";

/** The peers whose checkouts are named. */
const namesOf = (options: PeersOptions) => (Object.keys(PEERS) as Peer[]).filter((peer) => options[peer] !== undefined);

/** The results of a part. */
async function run(part: PeersOptions["only"][number], options: PeersOptions): Promise<Result> {
  const { device, threads, passive, backend: backends } = options, how = { device, threads, passive };
  if (part === "network") {
    return await benchNetwork({ ...options, peer: { peer: "geoldm", path: options.geoldm, ...how }, backends });
  }
  return await benchSampling({
    ...options,
    peers: namesOf(options).map((peer) => {
      const each = stepsOf(peer, options["peer-distilled"]);
      return { peer, path: options[peer]!, ...how, steps: each[0], each };
    }),
    peerBatch: options["peer-batch"],
    peerSteps: options["peer-steps"],
    entry: await findModel(options.model),
    backends,
  });
}

async function main(args: string[]): Promise<void> {
  if (asksForHelp(args)) return console.log(usage());
  const options = readPeersOptions(args), results: Result[] = [];
  const now = { command: toldCommand("bench:peers", args), ...await conditions() };
  const peers: Record<string, string | null> = {};
  for (const peer of namesOf(options)) peers[PEERS[peer]] = await commitOf(options[peer]!);
  const path = options.out ?? resultsPath(now, "peers");
  console.log(machineLine(now));
  for (const part of options.only) {
    const result = await run(part, options);
    results.push(result);
    console.log(formatResult(result));
    for (const [name, what] of Object.entries(result.why ?? {})) console.log(`${name}: ${what}`);
    if (path !== "-") await keep(path, { ...now, peers }, results);
  }
  if (path !== "-") console.log(`\nkept in ${path}`);
}

if (import.meta.main) await runProgram(main);
