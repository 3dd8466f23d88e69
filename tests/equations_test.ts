/** docs/equations.md has every paper that the code cites, and names what is there. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const read = (path: string) => Deno.readTextFileSync(join(root, path));

/** The table's rows; a bar within a cell is written `\|`. */
const rows = read("docs/equations.md").split("\n").filter((line) => /^\| [^-]/.test(line)).slice(1).map((line) => {
  const [, paper, , file, functions, test] = line.split(/(?<!\\)\|/).map((cell) => cell.trim());
  const [, testFile, testName] = /^`(.+?)`: (.+)$/.exec(test) ?? [];
  const names = [...functions.matchAll(/`(.+?)`/g)].map(([, name]) => name);
  return { paper, file: file.replaceAll("`", ""), names, testFile, testName };
});

/** First author and year of a citation. */
const citation = ({ author, year }: { author: string; year?: string }) => year ? `${author} ${year}` : author;

/** Citations in a source's text: "A et al.", "A & B" and "A, B & C" with a year near by, "A (1955)" and "(A, Journal 1, 2, 1927)". */
function citations(source: string): { author: string; year?: string }[] {
  const text = source.replace(/\n\s*(?:\*|\/\/)?\s*/g, " "),
    name = "\\p{Lu}\\p{L}+",
    year = "(?<![\\d.])((?:19|20)\\d\\d)(?![\\d.]\\d)";
  const several = new RegExp(`(${name})(?: et al\\.|(?:, ${name})* & ${name})(?:[^;]{0,120}?${year})?`, "gu");
  const alone = [
    new RegExp(`(?<!& )\\b(${name}) \\(${year}\\)`, "gu"),
    new RegExp(`\\((${name}), ["\\p{Lu}][^();]{0,120}, ${year}\\)`, "gu"),
  ];
  return [several, ...alone].flatMap((pattern) =>
    [...text.matchAll(pattern)].map(([, author, year]) => ({ author, year }))
  );
}

/** Comments of a source. */
const comments = (source: string) => (source.match(/\/\*[\s\S]*?\*\/|(?<=^|\s)\/\/.*$/gm) ?? []).join("\n\n");

function* sources(folder: string): Generator<string> {
  for (const { name, isDirectory } of Deno.readDirSync(join(root, folder))) {
    if (isDirectory) yield* sources(`${folder}/${name}`);
    else if (/\.(ts|c|h)$/.test(name)) yield `${folder}/${name}`;
  }
}

Deno.test("docs/equations.md names files, functions and tests that are there", () => {
  assert.ok(rows.length > 40);
  for (const { paper, file, names, testFile, testName } of rows) {
    const text = read(file), test = read(testFile).replaceAll("\\'", "'");
    assert.ok(names.length > 0, paper);
    for (const name of names) {
      assert.match(text, new RegExp(`(function|const|class|static \\w+) ${name}\\b`), `${paper}: ${name} in ${file}`);
    }
    assert.ok(test.includes(testName), `${paper}: "${testName}" in ${testFile}`);
    assert.ok(text.includes(/^\p{L}+/u.exec(paper)![0]), `${paper} is not cited in ${file}`);
  }
});

Deno.test("docs/equations.md has every paper that the code cites", () => {
  const known = rows.map(({ paper }) => ({ author: /^\p{L}+/u.exec(paper)![0], year: /\d{4}/.exec(paper)![0] }));
  const missing = [...sources("model"), ...sources("chem")].flatMap((file) =>
    citations(comments(read(file)))
      .filter(({ author, year }) => !known.some((row) => row.author === author && (!year || row.year === year)))
      .map((found) => `${file}: ${citation(found)}`)
  );
  assert.deepEqual(missing, []);
});

Deno.test("citations() sees the forms that comments have", () => {
  const found = citations(
    `Ho et al., "A b" (2020), eqs. 6; Klein, Krämer & Noé,\n * "Equivariant", 2023; Kuhn (1955), Jonker & Volgenant (1987).
     (Lin, IEEE Trans. 37, 145, 1991) Jordan et al. 2024`,
  ).map(citation);
  assert.deepEqual(found.toSorted(), ["Ho 2020", "Jonker 1987", "Jordan 2024", "Klein 2023", "Kuhn 1955", "Lin 1991"]);
});
