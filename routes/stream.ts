/** Bodies that are written as the client reads. */

/** What is sent while there is nothing to say, so that nobody between takes the connection for dead. */
interface Heartbeat {
  readonly everyMs: number;
  readonly text: string;
}

/**
 * A body of these texts, or bytes, one after the other. The first is waited for, so that a fault before it can still be told as a problem
 * document.
 *
 * @param leave called when the client goes away
 */
export async function streamed(
  texts: AsyncIterator<string | Uint8Array, void, void>,
  leave: () => void,
  heartbeat?: Heartbeat,
): Promise<ReadableStream<Uint8Array>> {
  const encoder = new TextEncoder();
  let first: IteratorResult<string | Uint8Array, void> | undefined = await texts.next(),
    heart: ReturnType<typeof setInterval>;
  return new ReadableStream({
    start(controller) {
      if (!heartbeat) return;
      heart = setInterval(() => {
        if ((controller.desiredSize ?? 0) > 0) controller.enqueue(encoder.encode(heartbeat.text));
      }, heartbeat.everyMs);
    },
    async pull(controller) {
      try {
        for (;;) {
          const { done, value } = first ?? await texts.next();
          first = undefined;
          if (done) {
            clearInterval(heart);
            return controller.close();
          }
          if (value.length > 0) return controller.enqueue(typeof value === "string" ? encoder.encode(value) : value);
        }
      } catch (error) {
        clearInterval(heart);
        controller.error(error);
      }
    },
    cancel() {
      clearInterval(heart);
      leave();
    },
  });
}
