/** 2D structures, by a worker with RDKit.js that starts when the first is asked for. */

/** @type {Worker | undefined} */
let worker;
let last = 0;

/** @type {Map<number, {resolve: (url: string) => void, reject: (error: Error) => void}>} */
const asked = new Map();

/** Pictures that were drawn, the oldest first. @type {Map<string, Promise<string>>} */
const kept = new Map();

const MOST_KEPT = 1500;

function start() {
  /** @type {any} */
  const types = /** @type {any} */ (globalThis).trustedTypes;
  const policy = types?.createPolicy("molstep", { createScriptURL: (/** @type {string} */ url) => url });
  const url = new URL("./depict_worker.js", import.meta.url).href;
  const started = new Worker(policy ? policy.createScriptURL(url) : url);
  started.onmessage = ({ data: { id, svg, error } }) => {
    const { resolve, reject } = asked.get(id) ?? {};
    asked.delete(id);
    // As a picture it runs no script and takes no style of the page.
    if (svg) resolve?.(`data:image/svg+xml;charset=utf-8,${encodeURIComponent(svg)}`);
    else reject?.(new Error(error));
  };
  started.onerror = () => {
    for (const { reject } of asked.values()) reject(new Error("RDKit.js did not start in this browser"));
    asked.clear();
  };
  return started;
}

/**
 * The address of a picture of a structure.
 *
 * @param {string} smiles
 * @param {{theme: string, width: number, height: number}} options
 * @returns {Promise<string>}
 */
export function depict(smiles, options) {
  const key = JSON.stringify([smiles, options]), found = kept.get(key);
  if (found) return found;
  const made = new Promise((resolve, reject) => {
    worker ??= start();
    asked.set(++last, { resolve, reject });
    worker.postMessage({ id: last, smiles, ...options });
  });
  kept.set(key, made);
  if (kept.size > MOST_KEPT) kept.delete(/** @type {string} */ (kept.keys().next().value));
  return made;
}
