/** What `--where` and `--fixed` may be: JSON, or a file. */

/** The file; undefined of JSON itself, which begins with a brace. */
export const whereFile = (text: string): string | undefined => text.trimStart().startsWith("{") ? undefined : text;
