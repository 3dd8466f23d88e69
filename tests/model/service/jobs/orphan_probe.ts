/** Ends a process as a service does. Arguments: its number, its mark, milliseconds of grace. Run with the flags of a service by `orphan_test.ts`. */
import { endPredecessor } from "../../../../model/service/jobs/worker.ts";

const [pid, mark, graceMs] = Deno.args;
await endPredecessor(Number(pid), mark, Number(graceMs));
