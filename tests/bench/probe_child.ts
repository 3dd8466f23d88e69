/** A server in a process of its own that takes 200 ms for an answer, computing or waiting as the path says; tells its port. */
const server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen: () => {} }, async ({ url }) => {
  const end = performance.now() + 200;
  if (url.includes("/computing/")) { while (performance.now() < end); }
  else await new Promise((resolve) => setTimeout(resolve, 200));
  return new Response("ok");
});
console.log(server.addr.port);
