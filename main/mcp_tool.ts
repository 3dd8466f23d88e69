/** The MCP tools: `generate_molecules`, which is POST /generate as a language model calls it, and that of `mcp_conformers.ts`. */
import { McpServer } from "@modelcontextprotocol/server";
import { z } from "zod";
import { VERSION } from "../model/models/version.ts";
import { strict } from "../model/diffusion/strict.ts";
import { generateRequest, type GenerateResponse, generateResponse } from "../routes/generate_schema.ts";
import { invalidRequest } from "../routes/problem.ts";
import {
  conformersFacts,
  conformersInput,
  conformersOutput,
  conformersSummary,
  conformersText,
} from "./mcp_conformers.ts";
import { RefusedError, type Source } from "./mcp_source.ts";

/** What the text of an answer can be. */
const TEXTS = ["smiles", "sdf"] as const;

// What a caller asks to see of each molecule goes by `text`, and nobody waits beyond what it cancels itself.
const { include: _include, timeoutMs: _timeoutMs, count, want, ...asked } = generateRequest.shape;

/** What the tool takes: keys of POST /generate, of at most `maxCount` molecules, drawn or wanted. */
export const toolInput = (maxCount: number) =>
  strict({
    count: count.unwrap().max(maxCount).optional().describe(count.description!),
    ...asked,
    want: want.unwrap().max(maxCount).optional().describe(want.description!),
    text: z.enum(TEXTS).default("smiles").describe(
      "`smiles`: a line for each valid molecule; `sdf`: SDF records with 3D positions, bonds and data fields",
    ),
  });

const { timings: _timings, molecules: { element: molecule }, ...facts } = generateResponse.shape;

/** What the tool gives beside its text: facts and metrics of POST /generate, and of each molecule what is no array of its atoms. */
export const toolOutput = z.object({
  ...facts,
  molecules: z.array(z.object(
    molecule.pick({
      index: true,
      valid: true,
      stable: true,
      connected: true,
      decoding: true,
      smiles: true,
      inchikey: true,
      values: true,
      addedHydrogens: true,
      refined: true,
      unrefined: true,
      strain: true,
      rmsd: true,
      stereoChanged: true,
      repaired: true,
      rounds: true,
      calls: true,
      sound: true,
      faults: true,
    }).shape,
  )),
});

/** The schema as it is told, with every value let in: faults are told in the service's words, by `draw`. */
const told = <T extends z.ZodType>(schema: T) => ({
  "~standard": { ...schema["~standard"], validate: (value: unknown) => ({ value }) },
});

/** A server of both tools. */
export function createToolServer(source: Source, { maxCount, note }: {
  readonly maxCount: number;
  /** Told of what fails and is nobody's fault but ours. */
  readonly note: (message: string) => void;
}): McpServer {
  const server = new McpServer({ name: "molstep", title: "Molstep", version: VERSION });
  const input = toolInput(maxCount);
  /** What is nobody's fault but ours is noted. */
  const noted = async <T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> => {
    try {
      return await work();
    } catch (error) {
      if (error instanceof RefusedError || signal.aborted) throw error;
      note((error as Error).stack ?? String(error));
      throw new Error("the service failed; its stderr has the details", { cause: error });
    }
  };
  server.registerTool("generate_molecules", {
    title: "Generate molecules",
    description:
      "Draws new 3D molecules with a diffusion model. The shipped one, qm9, knows small organic ones of H, C, N, O and F, of up to " +
      "9 heavy atoms. 16 steps are a good choice; fewer are faster and worse. Others may be told properties (`condition`); qm9 is told none.",
    inputSchema: told(input),
    outputSchema: toolOutput,
    annotations: { readOnlyHint: true, openWorldHint: false },
  }, async (given, { mcpReq: { signal } }) => {
    const parsed = input.safeParse(given);
    if (!parsed.success) throw refused(parsed.error);
    const { text, ...rest } = parsed.data;
    const request = generateRequest.safeParse({ ...rest, include: text === "sdf" ? ["sdf"] : [] });
    if (!request.success) throw refused(request.error);
    const response = await noted(signal, () => source.draw(request.data, signal));
    return {
      content: [summary(response), texts[text](response)].map((text) => ({ type: "text" as const, text })),
      structuredContent: toolOutput.parse(response),
    };
  });
  const conformers = conformersInput(maxCount);
  server.registerTool("generate_conformers", {
    title: "Generate conformers",
    description:
      "Draws 3D conformers of given molecules (SMILES or molblocks), with their stereo, refined by a force field, with relative energies in kcal/mol and " +
      "Boltzmann's weights. A molecule takes seconds.",
    inputSchema: told(conformers),
    outputSchema: conformersOutput,
    annotations: { readOnlyHint: true, openWorldHint: false },
  }, async (given, { mcpReq: { signal } }) => {
    const parsed = conformers.safeParse(given);
    if (!parsed.success) throw refused(parsed.error);
    const { text, ...request } = parsed.data;
    const response = await noted(signal, () => source.conformers(request, signal));
    return {
      content: [conformersSummary(response), conformersText[text](response)].map((text) => ({
        type: "text" as const,
        text,
      })),
      structuredContent: conformersFacts(response),
    };
  });
  return server;
}

function refused(error: z.ZodError): RefusedError {
  const { title, message: detail } = invalidRequest(error);
  return new RefusedError({ title, detail });
}

const summary = (
  { returned, drawn, model, version, steps, sampler, seed, molecules, rejected, ended, warnings }: GenerateResponse,
) =>
  `${returned} of ${drawn} molecules drawn, ${molecules.filter(({ valid }) => valid).length} of them valid: ` +
  `model ${model}, version ${version}, ${steps} steps, sampler ${sampler}, seed ${seed}` +
  (rejected ? `; rejected ${JSON.stringify(rejected)}` : "") + (ended ? `; ended by ${ended}` : "") +
  (warnings ? `; warnings: ${warnings.join("; ")}` : "");

/** The molecules as text. SMILES have the index behind them, as files of SMILES have a name. */
const texts: Readonly<Record<typeof TEXTS[number], (response: GenerateResponse) => string>> = {
  smiles: ({ molecules }) =>
    molecules.flatMap(({ index, smiles }) => smiles === null ? [] : [`${smiles}\t${index}\n`]).join(""),
  sdf: ({ molecules }) => molecules.map(({ sdf }) => sdf!).join(""),
};
