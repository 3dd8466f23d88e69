/** The options of `molstep worker`, and the configuration that they and the environment make: light, as the launcher reads it. */
import { z } from "zod";
import { RUNTIME_CHOICES } from "../model/engines/runtimes.ts";
import { parseConfig, type ServiceConfig } from "../routes/config.ts";
import { flag, option, UsageError, type Values, whole } from "./options.ts";

/** Those that name a variable take its place. */
export const workerOptions = {
  nats: option("URL", "the NATS server that the service has, nats://host:4222 (MOLSTEP_NATS)", z.string().optional()),
  data: option(
    "DIR",
    "the service's data directory, with its students (MOLSTEP_DATA_DIR; default data)",
    z.string().optional(),
  ),
  files: option(
    "PLACE",
    "where files of shards go: a folder, or s3://bucket/prefix (MOLSTEP_SHARD_FILES; default: in the data directory)",
    z.string().optional(),
  ),
  backend: option(
    "NAME",
    `${RUNTIME_CHOICES.join(", ")} (MOLSTEP_BACKEND; default auto)`,
    z.enum(RUNTIME_CHOICES).optional(),
  ),
  shards: option(
    "N",
    "shards at once: while molecules of one are judged, the next is drawn (default 2)",
    whole(1, 64).default(2),
  ),
  rounds: flag("trains rounds of distillation in the place of shards, for a service with --rounds workers"),
  folder: option(
    "DIR",
    "where it trains rounds, one at a time; nothing is kept there (default: rounds of the data directory)",
    z.string().optional(),
  ),
  name: option(
    "NAME",
    "of this worker, for the list of shards, or the job (default: the machine's, and the process's number)",
    z.string().optional(),
  ),
};

/** The configuration: the service's own, as far as drawing goes by it. @throws TypeError as {@link parseConfig} does; UsageError without a server */
export function workerConfig(
  { nats, data, files, backend }: Partial<Omit<Values<typeof workerOptions>, "shards" | "rounds" | "folder" | "name">>,
  environment: Readonly<Record<string, string | undefined>>,
): ServiceConfig & { readonly nats: string } {
  const config = parseConfig({
    ...environment,
    ...(nats !== undefined && { MOLSTEP_NATS: nats }),
    ...(data !== undefined && { MOLSTEP_DATA_DIR: data }),
    ...(files !== undefined && { MOLSTEP_SHARD_FILES: files }),
    ...(backend !== undefined && { MOLSTEP_BACKEND: backend }),
  });
  if (config.nats === undefined) throw new UsageError("--nats must be the address of a NATS server; got none");
  return { ...config, nats: config.nats };
}
