/** A request before the first: what is slow at a first call is behind a service that says it is ready. */
import type { Validate } from "../../chem/validator.ts";
import type { BatchValidator } from "../../chem/validator_pool.ts";
import { trialCondition } from "../generation/condition_order.ts";
import { FORMATS, INCLUDES } from "../generation/formats.ts";
import { acceptOrder } from "../generation/order.ts";
import type { Model } from "../models/load.ts";
import { drawMolecules } from "./drawing.ts";

/** Steps of it: as few as the trial's. */
const STEPS = 4;

/**
 * Draws a molecule as a request does, with all that can be said of it, in every form. At the first of a process code is compiled and RDKit.js sets up its
 * descriptors, which holds the main thread for some 20 ms each time.
 */
export async function rehearse(model: Model, validate: Validate | BatchValidator): Promise<void> {
  const condition = trialCondition(model.card), include = INCLUDES;
  const request = acceptOrder(model.card, { count: 1, steps: STEPS, seed: 0, condition });
  await drawMolecules(model, request, { form: "json", include, validate }).answer();
  for (const form of FORMATS) {
    await Array.fromAsync(drawMolecules(model, request, { form, include, validate }).records());
  }
}
