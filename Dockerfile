# Serves the shipped weights on the CPU. Build: docker build -t molstep .  Run: docker run -p 8000:8000 molstep
FROM denoland/deno:2.9.6

ENV DENO_DIR=/deno-dir PORT=8000 DENO_NO_UPDATE_CHECK=1 MOLSTEP_DATA_DIR=/data
# POST /distill trains on the engine that a C compiler makes for the processor it finds.
RUN apt-get update && apt-get install -y --no-install-recommends gcc libc6-dev && rm -rf /var/lib/apt/lists/*
# All belongs to the user that runs it: Deno locks node_modules at its start and waits for seconds where it may not.
RUN mkdir -p /app /deno-dir /data && chown deno:deno /app /deno-dir /data
WORKDIR /app
USER deno

# The packages are installed before the code is copied: a change of code alone does not install them again.
COPY --chown=deno:deno deno.json deno.lock ./
RUN deno install --frozen

COPY --chown=deno:deno . .
# Compiled into the cache now, so that a container starts at once and without a network.
RUN deno cache main.ts main/*.ts

# Jobs, and the weights that they make: keep it, or rounds are lost with the container.
VOLUME /data
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s --retries=3 \
  CMD ["deno", "eval", "const r = await fetch(`http://127.0.0.1:${Deno.env.get('PORT')}/health/ready`); Deno.exit(r.ok ? 0 : 1)"]
CMD ["deno", "task", "start"]
