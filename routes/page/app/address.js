/** The state of a view in the page's address, so that a view can be shared. The token is never in it. */

/** @typedef {Record<string, any>} State */

/** @param {string} text @returns {unknown} */
function valueOf(text) {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** @returns {State} */
export const readAddress = () =>
  Object.fromEntries([...new URLSearchParams(location.search)].map(([key, text]) => [key, valueOf(text)]));

/** Whether a value of the address may be an id, and so a part of a path: a link from elsewhere leads to nothing else. */
export const isId = (/** @type {unknown} */ value) => typeof value === "string" && /^[\w-]+$/.test(value);

/** Text that {@link valueOf} reads as it was: what is text and would be read as something else is quoted. */
const textOf = (/** @type {unknown} */ value) =>
  typeof value === "string" && valueOf(value) === value ? value : JSON.stringify(value);

/** @param {State} state */
export function addressOf(state) {
  const query = new URLSearchParams();
  for (const [key, value] of Object.entries(state)) {
    if (value !== undefined && value !== "") query.set(key, textOf(value));
  }
  return query.size > 0 ? `?${query}` : location.pathname;
}

/**
 * @param {State} state
 * @param {"push" | "replace"} how
 */
export const writeAddress = (state, how) => history[`${how}State`](null, "", addressOf(state));
