/** A worker of `conformer_pool.ts`: RDKit.js, openchemlib and the force field of its own. */
import {
  answerConformers,
  type ConformerAnswer,
  type ConformerItem,
  type ConformerOptions,
} from "../../chem/conformers/answer.ts";
import { createOpenchemlibSource } from "../../chem/conformers/openchemlib.ts";
import { answerPool } from "../../chem/pool_worker.ts";
import { createRdkit } from "../../chem/rdkit.ts";
import { openMmff94 } from "./refiner.ts";

const [rdkit, field] = await Promise.all([createRdkit(), openMmff94()]),
  tools = { rdkit, field, source: createOpenchemlibSource() };

answerPool<{ readonly items: readonly ConformerItem[]; readonly options: ConformerOptions }, ConformerAnswer[]>(
  async ({ items, options }) => {
    const answers: ConformerAnswer[] = [];
    for (const item of items) answers.push(await answerConformers(item, options, tools));
    return { data: answers };
  },
);
