/**
 * `deno task test:fast`: the tests of daily work, about a minute on two quiet cores. It leaves out the files of `SLOW`, which take 5 s and more
 * each; `deno task test` runs all. Arguments go to `deno test`: `deno task test:fast --filter name`.
 */
import { fileURLToPath } from "node:url";

/** Files that the fast tier leaves out: services with rounds, training, whole rounds, GPU kernels on a software adapter, benchmarks. */
export const SLOW: readonly string[] = [
  "bench/druglike_test.ts",
  "bench/molecules_test.ts",
  "bench/probe_test.ts",
  "bench/service_process_test.ts",
  "bench/service_test.ts",
  "bench/soak/visits_test.ts",
  "bench_test.ts",
  "chem/conformers/ensemble_test.ts",
  "chem/validator_test.ts",
  "chem/sets/sets_test.ts",
  "chem/where/filter_test.ts",
  "clients/python_test.ts",
  "distill_service_test.ts",
  "launch_test.ts",
  "main/conformers_test.ts",
  "main/generate_test.ts",
  "front_door_service_test.ts",
  "main/campaign_test.ts",
  "model/campaigns/engines_test.ts",
  "model/campaigns/nats_faults_test.ts",
  "model/distillation/backends_test.ts",
  "model/distillation/collapse_test.ts",
  "model/distillation/egnn_round_test.ts",
  "model/distillation/egnn_test.ts",
  "model/distillation/matching_divergences_test.ts",
  "model/distillation/round_test.ts",
  "model/distillation/told_round_test.ts",
  "model/engines/c/crew_test.ts",
  "model/engines/c/engine_egnn_test.ts",
  "model/engines/c/engine_test.ts",
  "model/engines/c/mmff94_test.ts",
  "model/engines/c/native_library_test.ts",
  "model/engines/learners_test.ts",
  "model/engines/webgpu",
  "model/evaluation/reproduce/reproduce_test.ts",
  "model/service/jobs/nats_rounds_faults_test.ts",
  "model/service/jobs/nats_runner_test.ts",
  "model/generation/fixed_test.ts",
  "model/service/publisher_test.ts",
  "model/service/stretches_test.ts",
  "model/training/atoms_test.ts",
  "model/training/regressor/run_test.ts",
  "model/training/run_test.ts",
  "model/training/train_test.ts",
  "page",
  "model/service/campaigns/controller_test.ts",
  "model/service/campaigns/killed_test.ts",
  "routes/campaigns_test.ts",
  "routes/access/open_test.ts",
  "routes/distill_test.ts",
  "routes/jobs_test.ts",
  "routes/owners_test.ts",
  "routes/page_test.ts",
  "routes/serve_test.ts",
  "routes/steps_test.ts",
  "routes/validators_test.ts",
  "routes/where_test.ts",
  "traces_service_test.ts",
  "schemathesis_service_test.ts",
  "soak_test.ts",
];

if (import.meta.main) {
  const ignore = SLOW.map((path) => `tests/${path}`).join(",");
  const { code } = await new Deno.Command(Deno.execPath(), {
    args: ["test", "-A", `--ignore=${ignore}`, ...Deno.args, "tests/"],
    cwd: fileURLToPath(new URL("..", import.meta.url)),
  }).spawn().status;
  Deno.exit(code);
}
