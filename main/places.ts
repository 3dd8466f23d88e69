/** Where things lie: light, as the launcher reads it at each start. */
import { join } from "node:path";
import { ROOT } from "../model/service/permissions.ts";

/** The folder of the models shipped. */
export const shippedModels = (): string => join(ROOT, "weights");

/** The data directory: students and models that rounds of distillation made. */
export const dataFolder = (environment: Readonly<Record<string, string | undefined>>): string =>
  environment.MOLSTEP_DATA_DIR || "data";
