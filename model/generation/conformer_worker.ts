/** A worker of `conformer_pool.ts`: RDKit.js, sources of positions and force fields of its own. */
import {
  answerConformers,
  type ConformerAnswer,
  type ConformerItem,
  type ConformerOptions,
} from "../../chem/conformers/answer.ts";
import type { NetworkSources } from "./network_source.ts";
import { answerPool } from "../../chem/pool_worker.ts";
import { createRdkit } from "../../chem/rdkit.ts";
import { createSources, type SourceChoice } from "./conformer_sources.ts";
import { openConformerFields } from "./refiner.ts";

/** What a worker is asked. */
interface Asked {
  readonly items: readonly ConformerItem[];
  readonly options: ConformerOptions<SourceChoice>;
}

const [rdkit, fields] = await Promise.all([createRdkit(), openConformerFields()]),
  tools = { rdkit, fields, sourceOf: createSources(openLate) };

/** The code of networks is read where one is asked for. */
async function openLate(folder: string): Promise<NetworkSources> {
  const { openNetworkSources } = await import("./network_source.ts");
  return await openNetworkSources(folder);
}

answerPool<Asked, ConformerAnswer[]>(
  async ({ items, options }) => {
    const answers: ConformerAnswer[] = [];
    for (const item of items) answers.push(await answerConformers(item, options, tools));
    return { data: answers };
  },
);
