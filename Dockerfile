# Serves the shipped weights on the CPU. Build: docker build -t molstep .  Run: docker run -p 8000:8000 molstep
FROM denoland/deno:2.9.6

WORKDIR /app
ENV DENO_DIR=/deno-dir PORT=8000 DENO_NO_UPDATE_CHECK=1

# The packages are installed before the code is copied: a change of code alone does not install them again.
COPY deno.json deno.lock ./
RUN deno install --frozen

COPY main.ts ./
COPY main main
COPY routes routes
COPY model model
COPY chem chem
COPY weights weights
# Everything that `start` imports is in the image's cache: no network when it runs.
RUN deno cache main.ts main/*.ts && chown -R deno:deno /deno-dir

USER deno
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s --retries=3 \
  CMD ["deno", "eval", "const r = await fetch(`http://127.0.0.1:${Deno.env.get('PORT')}/health/ready`); Deno.exit(r.ok ? 0 : 1)"]
CMD ["task", "start"]
