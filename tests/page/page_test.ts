/** The page in a real Chromium, against a service with the shipped weights and tokens on. */
import assert from "node:assert/strict";
import { PLAYED, TOKEN, withShippedService } from "../shipped_service.ts";
import { chromium, type Page, withBrowser } from "./browser.ts";

/** What these tests need of a page's own world, which Deno does not know. */
interface Dom {
  querySelector(
    selector: string,
  ): { textContent: string; width: number; height: number; getContext(kind: "2d"): Drawn | null } | null;
  readonly documentElement: { readonly scrollWidth: number };
}
interface Drawn {
  getImageData(x: number, y: number, width: number, height: number): { data: Uint8ClampedArray };
}
interface Input {
  readonly min: string;
  readonly max: string;
}

/** Longest that anything on the page may take, ms: 3D is drawn in software, on whatever machine this is. */
const PATIENCE = 60_000;

/** What the page says in the place of a selector, when it matches. */
const says = (page: Page, selector: string, pattern: RegExp) =>
  page.waitForFunction(
    (selector: string, pattern: string) =>
      new RegExp(pattern).test(
        (globalThis as unknown as { document: Dom }).document.querySelector(selector)?.textContent ?? "",
      ),
    { timeout: PATIENCE },
    selector,
    pattern.source,
  );

const there = (page: Page, selector: string) => page.waitForSelector(selector, { timeout: PATIENCE });

const count = (page: Page, selector: string) => page.$$eval(selector, (all) => all.length);

/** Replaces what is in a field. */
async function type(page: Page, selector: string, text: string) {
  await page.click(selector, { count: 3 });
  await page.type(selector, text);
}

/** A button by its words. */
const press = (page: Page, words: string) =>
  page.locator(`::-p-xpath(//button[normalize-space()="${words}"])`).setTimeout(PATIENCE).click();

/** Whether pixels of the first canvas of a place are of more than one colour. */
const drawn = (page: Page, selector: string) =>
  page.waitForFunction(
    (selector: string) => {
      const canvas = (globalThis as unknown as { document: Dom }).document.querySelector(selector),
        context = canvas?.getContext("2d");
      if (!canvas || !context || canvas.width === 0) return false;
      const { data } = context.getImageData(0, 0, canvas.width, canvas.height);
      return new Set(data.filter((_, k) => k % 4 === 3)).size > 1;
    },
    { timeout: PATIENCE },
    selector,
  );

if (chromium === undefined) {
  Deno.test.ignore("the page in Chromium: there is none here (apt-get install chromium, or CHROMIUM=path)", () => {});
} else {
  Deno.test("the page in Chromium: a token, molecules in 2D and 3D, details, steps, a path, quality and jobs", () =>
    withShippedService({ MOLSTEP_OPEN_SCOPES: "none" }, ({ url: service, write }) =>
      withBrowser(async (open) => {
        const url = `${service}/`, page = await open(), faults: string[] = [], asked: string[] = [];
        page.on("pageerror", (error) => faults.push(String(error)));
        page.on("console", (message) => {
          // The browser tells of what the service refuses, as it is to here.
          if (message.type() === "error" && !/status of (401|422)/.test(message.text())) faults.push(message.text());
        });
        page.on("request", (request) => asked.push(request.url()));
        await page.setViewport({ width: 1300, height: 900 });

        try {
          await page.goto(url);
          await there(page, "dialog.token[open]");
          await page.type("#token", TOKEN);
          await press(page, "Keep");
          await there(page, "form.panel");
          assert.ok(!page.url().includes(TOKEN));

          // Drawn by the form, with limits of the schema.
          assert.deepEqual(
            await page.$eval(
              "#draw-count",
              (field) => [(field as unknown as Input).min, (field as unknown as Input).max],
            ),
            ["1", "1000"],
          );
          await press(page, "4◆");
          await type(page, "#draw-count", "6");
          await type(page, "#draw-seed", "11");
          await page.keyboard.press("Enter");
          await says(page, ".summary [role=status]", /^Drawn: 6 molecules/);
          assert.equal(await count(page, ".card"), 6);
          await there(page, ".card .structure img[src^='data:image/svg']");
          await drawn(page, ".card .still canvas");
          const answer = await fetch(`${url}generate`, {
            method: "POST",
            headers: { "Content-Type": "application/json", Authorization: `Bearer ${TOKEN}` },
            body: JSON.stringify({ count: 6, steps: 4, seed: 11 }),
          });
          const smiles: string[] = (await answer.json()).molecules.map((one: { smiles: string }) => one.smiles);
          assert.deepEqual(await page.$$eval(".card .smiles", (all) => all.map((one) => one.textContent)), smiles);

          // Details by the keyboard; the address holds what is open, and opens it again.
          await page.focus(".card .open");
          await page.keyboard.press("Enter");
          await says(page, "#details-title", /Molecule 0/);
          await page.keyboard.press("ArrowRight");
          await says(page, "#details-title", /Molecule 1/);
          await there(page, "dialog.details .viewer canvas");
          const shared = page.url();
          assert.match(shared, /seed=11.*molecule=1/);
          await page.keyboard.press("Escape");
          await page.waitForSelector("dialog.details", { hidden: true });
          await page.goto(shared);
          await says(page, "#details-title", /Molecule 1/);
          assert.equal(await page.$eval("dialog.details .line code", (one) => one.textContent), smiles[1]);

          // What the service refuses is told.
          await page.goto(`${url}?steps=4&count=2&heavyAtoms=900&draw=1`);
          await says(page, ".fault", /900 heavy atoms/);

          // Filters by their schema's names: molecules that pass, and why the others did not.
          await page.goto(`${url}?steps=4&count=4&seed=11`);
          await there(page, "#where-add");
          await page.select("#where-add", "logP");
          await there(page, "#where-logP");
          await page.type("#where-logP", "0");
          await press(page, "Draw");
          await says(page, ".summary [role=status]", /^Drawn: 4 molecules/);
          assert.match(page.url(), /where=/);
          const logP = await page.$$eval(
            ".values div:nth-child(2) dd",
            (all) => all.map((one) => Number(one.textContent)),
          );
          assert.ok(logP.length === 4 && logP.every((one) => one >= 0), String(logP));
          await says(page, ".rejected", /by logP/);

          // The same seed at each number of steps; the slider by the keyboard.
          await page.goto(`${url}?view=steps&seed=5&steps=2&draw=1`);
          await says(page, ".slider output", /^2$/);
          // Requests go from few steps to many; those of hundreds are not waited for.
          await there(page, ".film li:nth-last-child(3) .verdict");
          await page.focus("#ladder");
          await page.keyboard.press("ArrowLeft");
          await says(page, ".side figcaption", /^4 steps/);
          assert.match(page.url(), /steps=4/);

          // A path: its last frame is the molecule.
          await page.goto(`${url}?view=path&seed=5&steps=8&draw=1`);
          await there(page, "#frame");
          assert.equal(await page.$eval("#frame", (slider) => (slider as unknown as Input).max), "7");
          await press(page, "Pause");
          await page.focus("#frame");
          await page.keyboard.press("End");
          await says(page, ".player output", /^8 of 8/);
          await there(page, ".one .viewer canvas");

          // The chart has the card's numbers.
          await page.goto(`${url}?view=quality`);
          await there(page, ".chart .strong circle");
          const steps = await page.$$eval(".chart .label", (all) => all.map((one) => Number(one.textContent)));
          assert.ok(steps.length >= 5 && steps.every((one, k) => k === 0 || one < steps[k - 1]), String(steps));
          assert.equal(await count(page, ".chart .strong .interval"), steps.length);

          // A round, begun and followed to its end by events.
          await write({ act: "finish" });
          await page.goto(`${url}?view=jobs`);
          await there(page, "details.panel summary");
          await page.click("details.panel summary");
          await type(page, "#distill-model", PLAYED);
          await type(page, "#distill-from", "32");
          await press(page, "Begin");
          await says(page, "section[aria-label='A round'] .verdict", /done|rejected/);
          await there(page, "section[aria-label='A round'] .chart .series");

          // A campaign, from its order to its molecules.
          await page.goto(`${url}?view=campaigns&steps=2&want=10&seed=3&shardSize=256&name=Small`);
          await press(page, "Begin");
          await says(page, "section[aria-label='A campaign'] .verdict", /done/);
          await says(page, "section[aria-label='A campaign'] .stat b", /^10$/);
          await there(page, "section[aria-label='A campaign'] .card");
          await there(page, "section[aria-label='A campaign'] .chart .series");

          // On a phone nothing is wider than the screen.
          await page.setViewport({ width: 390, height: 844, isMobile: true, hasTouch: true });
          for (const view of ["generate", "steps", "path", "quality", "campaigns", "jobs"]) {
            await page.goto(`${url}?view=${view}`);
            await there(page, "main form, main .column");
            const wide = await page.evaluate(() =>
              (globalThis as unknown as { document: Dom }).document.documentElement.scrollWidth
            );
            assert.ok(wide <= 390, `${view} is ${wide} pixels wide`);
          }
        } catch (error) {
          const text = await page.$eval("body", (body) => body.innerText).catch(String);
          throw new Error(`${page.url()} shows:\n${text}\n${faults.join("\n")}`, { cause: error });
        }

        assert.deepEqual(faults, []);
        assert.deepEqual(asked.filter((one) => !one.startsWith(url) && !/^(data|blob):/.test(one)), []);
        assert.ok(!asked.some((one) => one.includes(TOKEN)));
      })));
}
