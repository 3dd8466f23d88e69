/** The image's health check: ends with 0 where the service on this machine is ready. */
const ready = await fetch(`http://127.0.0.1:${Deno.env.get("PORT") ?? 8000}/health/ready`).catch(() => undefined);
Deno.exit(ready?.ok ? 0 : 1);
