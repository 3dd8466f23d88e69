/** What rounds tell their students, of models that are told properties. */
import assert from "node:assert/strict";
import { PROPERTIES, type PropertyName } from "../../../chem/properties.ts";
import type { Qm9 } from "../../../chem/qm9.ts";
import { QM9_PROPERTIES } from "../../../chem/qm9.ts";
import { halvesOf } from "../../../chem/halves.ts";
import { random } from "../../../model/diffusion/random.ts";
import { acceptRound, roundOrder } from "../../../model/distillation/order.ts";
import { dataSupplies } from "../../../model/distillation/sources/data_set.ts";
import { toldBeside } from "../../../model/distillation/told.ts";
import { type Card, readCard } from "../../../model/models/card.ts";
import { ethanol } from "../training/molecules.ts";

const shipped = await readCard(new URL("../../../weights/qm9", import.meta.url).pathname);

/** The shipped card as one of a model that is told these. */
const toldCard = (names: readonly PropertyName[], more: object = {}, students: Card["distilled"] = []): Card => {
  const conditions = names.map((name) => ({ name, unit: PROPERTIES[name].unit, mean: 7, deviation: 2, range: [1, 9] }));
  return { ...shipped, denoiser: { ...shipped.denoiser, conditions, ...more }, distilled: students } as Card;
};
const ALL = Object.keys(PROPERTIES) as PropertyName[], six = toldCard(ALL), SCALES = { first: 0, last: 3 };
const grid = { type: "logSnr", first: -5, last: 5 } as const;

const accept = (card: Card, asked: Record<string, unknown>) => acceptRound(card, roundOrder.parse(asked)).settings;
const refuses = (card: Card, asked: Record<string, unknown>, field: string, message: RegExp) =>
  assert.throws(() => accept(card, asked), { name: "ImpossibleRoundError", field, message });

Deno.test("a round tells steps in as many features as properties and scale leave of 16, and refuses step counts that these do not tell apart", () => {
  const levels = (card: Card, asked: Record<string, unknown>) =>
    toldBeside(accept(card, { grid, ...asked }), card).levels;
  assert.equal(levels(shipped, { method: "consistency", keep: [2, 1] }), 8);
  assert.equal(levels(toldCard(["gap", "mu"]), { method: "consistency", guidance: SCALES, keep: [2] }), 8);
  assert.equal(levels(six, { method: "consistency", to: 8, keep: [4, 2, 1] }), 4);
  assert.equal(levels(six, { method: "consistency", guidance: SCALES, keep: [2, 1] }), 3);
  assert.equal(levels(six, { method: "progressive", from: 16 }), 4);
  const apart =
    /keep must be step counts that the network is told apart: of 16 features 3 are left .*, which tell powers of 2 below 4 and all from 4 on apart; got 4, 8/;
  refuses(six, { method: "consistency", guidance: SCALES, to: 8, keep: [4], grid }, "keep", apart);
});

Deno.test("a round of a model that is told properties is of a method that tells its students, and others are refused by name", () => {
  for (const method of ["consistency", "progressive", "rollout", "knowledge"]) accept(six, { method, grid });
  const message = (method: string) =>
    new RegExp(`method must be progressive, rollout, consistency, knowledge, guided for qm9, .*; got ${method}`);
  for (const method of ["moments", "matching", "flow-map"]) {
    refuses(six, { method, grid }, "method", message(method));
  }
  refuses(six, { method: "finetune", data: "mine", grid }, "method", message("finetune"));
  refuses(six, { method: "consistency", begin: "student", grid }, "begin", /begin must be teacher/);
  const untold = toldCard(ALL, {}, shipped.distilled);
  refuses(untold, { method: "progressive", from: 4 }, "from", /student of 4 steps was told no properties/);
});

Deno.test("guidance is for consistency and guided, of models that are told properties and no scales yet; guided has 0 to 4 where none are asked", () => {
  assert.equal(accept(six, { method: "consistency", grid }).guidance, undefined);
  const { guidance, name, from, to, width } = accept(six, { method: "guided" });
  assert.deepEqual([guidance, name, from, to, width], [{ first: 0, last: 4 }, "qm9-guided", 32, 32, undefined]);
  assert.deepEqual(accept(six, { method: "guided", guidance: SCALES }).guidance, SCALES);
  const faults: [Card, Record<string, unknown>, string, RegExp][] = [
    [shipped, { method: "consistency", guidance: SCALES }, "guidance", /qm9 is told none/],
    [shipped, { method: "guided" }, "method", /qm9 is told none/],
    [
      six,
      { method: "progressive", guidance: SCALES },
      "guidance",
      /guidance is for consistency, guided; got it for progressive/,
    ],
    [six, { method: "consistency", guidance: SCALES, boundary: "data" }, "boundary", /boundary must be teacher/],
    [
      six,
      { method: "guided", width: 96 },
      "width",
      /width is for knowledge: a student of guided has its teacher's size/,
    ],
    [six, { method: "guided", from: 32, to: 16 }, "to", /to must be from's 32, as guided keeps/],
  ];
  for (const [card, asked, field, message] of faults) refuses(card, { grid, ...asked }, field, message);
  assert.equal(roundOrder.safeParse({ method: "guided", guidance: { first: 2, last: 4 } }).success, false);
});

Deno.test("a round of a model that is told its scales, or of a student that is, tells its student the same", () => {
  const guided = toldCard(ALL, { guidance: SCALES });
  for (const method of ["consistency", "progressive", "rollout"]) {
    assert.deepEqual(toldBeside(accept(guided, { method, grid }), guided).guidance, SCALES);
  }
  refuses(
    guided,
    { method: "consistency", guidance: SCALES, grid },
    "guidance",
    /guidance must be absent, as qm9 is told its own, 0 to 3/,
  );
  refuses(guided, { method: "guided" }, "method", /qm9 is told how far to be guided already, 0 to 3/);
  const entry = {
    ...shipped.distilled[0],
    steps: 4,
    levels: 3,
    conditions: true as const,
    guidance: SCALES,
    variant: "ddim" as const,
  };
  const served = toldCard(ALL, {}, [{ ...entry, grid }]), settings = accept(served, { method: "progressive", from: 4 });
  assert.deepEqual(toldBeside(settings, served), { levels: 3, guidance: SCALES });
  assert.equal(toldBeside(accept(served, { method: "consistency", grid }), served).guidance, undefined);
});

/** As many molecules of ethanol, the gap of each its row in eV. */
function numbered(count: number): Qm9 {
  const properties = new Float64Array(count * QM9_PROPERTIES.length), at = QM9_PROPERTIES.indexOf("gap");
  for (let row = 0; row < count; row++) properties[row * QM9_PROPERTIES.length + at] = row / PROPERTIES.gap.factor;
  const rows = Int32Array.from({ length: count }, (_, row) => row), cut = Math.floor(count / 5);
  const split = { train: rows.slice(cut), valid: rows.slice(0, cut), test: new Int32Array() };
  return { name: "qm9", label: "QM9", properties, split, molecule: () => ethanol } as unknown as Qm9;
}

Deno.test("dataSupplies() tells properties of the generator's half, held out those of the validation split, and of another model all molecules nothing", () => {
  const data = numbered(100),
    card = toldCard(["gap"]),
    { source, heldOut } = dataSupplies(card, data, { scales: SCALES });
  const half = new Set(halvesOf(data.split.train).generator), seen = new Set<number>();
  for (const [supply, rows] of [[source, half], [heldOut, new Set(data.split.valid)]] as const) {
    const told = supply.draw(400, random(1)).flatMap(({ conditions }) => conditions!);
    assert.equal(told.length, 400);
    for (const { properties, guidance } of told) {
      assert.equal(properties === undefined, guidance === undefined);
      if (!properties) continue;
      assert.ok(rows.has(Math.round(properties.gap!)) && guidance! <= 3);
      if (rows === half) seen.add(Math.round(properties.gap!));
    }
  }
  assert.equal(seen.size, half.size);
  assert.match(source.description, /^40 molecules of QM9's generator's half$/);
  const plain = dataSupplies(shipped, data, {}).source;
  assert.ok(plain.draw(10, random(1)).every(({ conditions }) => conditions === undefined));
  assert.match(plain.description, /^80 molecules of QM9's training split$/);
  const { properties: _, ...without } = data;
  assert.throws(() => dataSupplies(card, without, {}), /qm9 has no gap/);
});
