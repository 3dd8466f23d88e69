/** What `--where` may be: JSON, or the file that has it. */

/** The file; undefined of JSON itself, which begins with a brace. */
export const whereFile = (text: string): string | undefined => text.trimStart().startsWith("{") ? undefined : text;
