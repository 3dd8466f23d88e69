/** The options of `molstep serve`, and the configuration that they and the environment make. */
import { z } from "zod";
import { PRECISIONS, precisionsInWords, RUNTIME_CHOICES } from "../model/engines/runtimes.ts";
import { ROUND_PLACES } from "../model/service/jobs/runner.ts";
import { parseConfig, type ServiceConfig } from "../routes/config.ts";
import { option, type Values, whole } from "./options.ts";

/** Each takes the place of an environment variable. */
export const serveOptions = {
  port: option("PORT", "port to listen on, 0 for a free one (PORT; default 8000)", whole(0, 65535).optional()),
  host: option("ADDRESS", "address to listen on (MOLSTEP_HOST; default: all of the machine)", z.string().optional()),
  backend: option(
    "NAME",
    `${RUNTIME_CHOICES.join(", ")} (MOLSTEP_BACKEND; default auto)`,
    z.enum(RUNTIME_CHOICES).optional(),
  ),
  precision: option(
    "NAME",
    `number format of products: ${precisionsInWords()} (MOLSTEP_PRECISION; default f32)`,
    z.enum(PRECISIONS).optional(),
  ),
  models: option("FOLDERS", "folders of models, set apart by colons (MOLSTEP_MODELS)", z.string().optional()),
  nats: option(
    "URL",
    "a NATS server: workers draw the shards of campaigns (MOLSTEP_NATS; default: this process does)",
    z.string().optional(),
  ),
  rounds: option(
    "WHERE",
    `${ROUND_PLACES.join(" or ")} (with --nats): who trains rounds of distillation (MOLSTEP_ROUNDS; default here)`,
    z.enum(ROUND_PLACES).optional(),
  ),
  preload: option("NAMES", "models to load at the start (MOLSTEP_PRELOAD; default qm9)", z.string().optional()),
};

/** The configuration. @throws TypeError as {@link parseConfig} does */
export const serveConfig = (
  { port, host, backend, precision, models, nats, rounds, preload }: Values<typeof serveOptions>,
  environment: Readonly<Record<string, string | undefined>>,
): ServiceConfig =>
  parseConfig({
    ...environment,
    ...(port !== undefined && { PORT: String(port) }),
    ...(host !== undefined && { MOLSTEP_HOST: host }),
    ...(backend !== undefined && { MOLSTEP_BACKEND: backend }),
    ...(precision !== undefined && { MOLSTEP_PRECISION: precision }),
    ...(models !== undefined && { MOLSTEP_MODELS: models }),
    ...(nats !== undefined && { MOLSTEP_NATS: nats }),
    ...(rounds !== undefined && { MOLSTEP_ROUNDS: rounds }),
    ...(preload !== undefined && { MOLSTEP_PRELOAD: preload }),
  });
