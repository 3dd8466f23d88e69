/**
 * A process that tests kill: `worker URL ROOT NAME` trains rounds until then; `service URL ROOT` asks for one or goes on with it, tells of each event,
 * and ends when the job has.
 */
import { plan, service, worker } from "./elsewhere.ts";

const [role, servers, root, name = ""] = Deno.args;
if (role === "worker") {
  worker(root, servers, { name });
  console.log("working");
} else {
  const { supervisor, store, end } = service(root, servers), [known] = store.list(1, 0);
  const { id } = known ?? await supervisor.submit(plan);
  if (known) await supervisor.recover();
  const last = Math.max(0, ...store.events(id).map(({ id }) => id));
  for await (const { event } of supervisor.watch(id, known ? last : 0, new AbortController().signal)) {
    console.log(event.type);
  }
  await end();
}
