import assert from "node:assert/strict";
import { CHEMISTRIES } from "../../../chem/chemistry.ts";
import { createRdkit, type Rdkit } from "../../../chem/rdkit.ts";
import { readSdf } from "../../../chem/sdf.ts";
import { createValidator, type Validate } from "../../../chem/validator.ts";
import { ALERTS, createAlertFinder } from "../../../chem/where/alerts.ts";
import { compileWhere, createFilter } from "../../../chem/where/filter.ts";
import { momentsOf } from "../../../chem/where/moments.ts";
import { ALERT_SETS, parseFormula, type Where, whereSchema } from "../../../chem/where/where.ts";
import { createVerdicts } from "../../../chem/where/verdicts.ts";
import { type WindowName, windowNames, WINDOWS } from "../../../chem/where/windows.ts";
import { chiral, ethane, joined, methane, molecule } from "../molecules.ts";
import reference from "./reference.json" with { type: "json" };

const here = (name: string) => new URL(`../${name}`, import.meta.url);

/** Molecules of the reference, each as it is read, with what RDKit in Python says of it. */
async function references() {
  const files = Object.entries(reference.spatial) as [string, typeof reference.spatial["druglike.sdf"]][];
  const all = await Promise.all(files.map(async ([name, told]) => {
    const records = readSdf(await Deno.readTextFile(here(name)), CHEMISTRIES.druglike);
    assert.equal(records.length, told.length);
    // Graphs as the file has them: distances are another's business.
    return records.map(({ molecule, bonds, title }, k) => ({
      title: `${name} ${title}`,
      molecule: { ...molecule, bonds },
      chemistry: "druglike" as const,
      told: told[k],
    }));
  }));
  return all.flat();
}

async function withRdkit(work: (rdkit: Rdkit, validate: Validate) => Promise<void> | void) {
  const rdkit = await createRdkit();
  await work(rdkit, createValidator(rdkit));
}

/** The verdict of a whole validation. */
const judged = (validate: Validate, where: unknown, one = methane()) =>
  validate(one, { where: whereSchema.parse(where) }).verdict!;

Deno.test("judge() has the values that RDKit in Python has, and passes a molecule in windows around them alone", () =>
  withRdkit(async (rdkit, validate) => {
    let compared = 0;
    for (const { title, molecule, chemistry, told } of await references()) {
      const names = Object.keys(told.values) as (keyof typeof told.values & WindowName)[];
      const around = Object.fromEntries(names.map((name) => {
        const value = told.values[name], margin = 2e-4 * Math.max(1, Math.abs(value));
        return [name, { min: value - margin, max: value + margin }];
      }));
      const { passes, reason, values } = validate(molecule, { chemistry, where: around as Where }).verdict!;
      assert.ok(passes, `${title}: ${reason}, ${values[reason as WindowName]} for ${told.values[reason as "qed"]}`);
      const validation = validate(molecule, { chemistry, descriptors: true });
      for (const name of names) {
        const value = told.values[name];
        for (const window of [{ min: value + 0.1 }, { max: value - 0.1 }]) {
          const filter = createFilter(rdkit, { [name]: window }), verdict = filter.judge(molecule, validation);
          assert.deepEqual([verdict.passes, verdict.reason], [false, name]);
          filter.close();
        }
        compared++;
      }
    }
    assert.ok(compared > 300, `${compared}`);
  }));

Deno.test("judge() agrees with RDKit in Python about formulas, substructures and alerts", () =>
  withRdkit(async (_, validate) => {
    let matches = 0;
    for (const { title, molecule, chemistry, told } of await references()) {
      const passes = (where: Where) => validate(molecule, { chemistry, where }).verdict!.passes;
      const formula = told.formula.replace(/[+-]\d*$/, "");
      assert.ok(passes({ formula }), `${title}: ${formula}`);
      assert.ok(!passes({ formula: formula.replace(/H\d*/, "") }) && !passes({ formula: `${formula}F` }), title);
      reference.smarts.forEach((smarts, k) => {
        assert.equal(passes({ required: [smarts] }), told.smarts[k], `${title}: ${smarts}`);
        assert.equal(passes({ forbidden: [smarts] }), !told.smarts[k], `${title}: ${smarts}`);
        matches += Number(told.smarts[k]);
      });
      for (const set of ALERT_SETS) assert.equal(passes({ alerts: [set] }), told[set] === null, `${title}: ${set}`);
    }
    assert.ok(matches > 20, `${matches}`);
  }));

Deno.test("first() finds the alert that RDKit's FilterCatalog finds first", () =>
  withRdkit((rdkit) => {
    const finders = ALERT_SETS.map((set) => createAlertFinder(rdkit, set));
    const seen = ALERT_SETS.map(() => new Set<string>());
    for (const [smiles, ...told] of reference.flat as [string, string | null, string | null][]) {
      rdkit.withMol(smiles, (mol) =>
        finders.forEach((finder, k) => {
          const found = finder.first(mol);
          assert.equal(found ?? null, told[k], `${ALERT_SETS[k]} of ${smiles}`);
          if (found) seen[k].add(found);
        }));
    }
    for (const finder of finders) finder.close();
    const [pains, brenk] = seen.map(({ size }) => size);
    assert.ok(pains > 20 && brenk > 20, `${pains} and ${brenk} different alerts`);
    assert.deepEqual(ALERT_SETS.map((set) => ALERTS[set].length), [480, 105]);
  }));

Deno.test("momentsOf() of masses on a line and in a square is as by hand", () => {
  const line = momentsOf(molecule(["O", -1.16, 0, 0], ["C", 0, 0, 0], ["O", 1.16, 0, 0])),
    moment = 2 * 15.999 * 1.16 ** 2;
  const near = (a: number, b: number, what: string) =>
    assert.ok(Math.abs(a - b) < 1e-5 * Math.max(1, b), `${what}: ${a} for ${b}`);
  near(line.principalMoment1, 0, "the smallest of a rod");
  near(line.principalMoment2, moment, "the middle of a rod");
  near(line.radiusOfGyration, Math.sqrt(moment / 44.009), "carbon dioxide's radius");
  assert.ok(line.momentRatio1 < 1e-6 && line.momentRatio2 > 1 - 1e-6);
  const square = momentsOf(molecule(["C", 1, 0, 7], ["C", 0, 1, 7], ["C", -1, 0, 7], ["C", 0, -1, 7]));
  near(square.principalMoment1, 2 * 12.011, "a disc's smallest");
  near(square.principalMoment3, 4 * 12.011, "a disc's largest");
  near(square.momentRatio1, 0.5, "a disc's ratio");
  near(square.radiusOfGyration, 1, "a disc's radius");
  const ball = momentsOf(methane());
  near(ball.momentRatio1, 1, "a ball's ratio");
  assert.ok(Number.isNaN(momentsOf(molecule(["F", 1, 2, 3])).momentRatio1));
  assert.throws(() => momentsOf({ atomicNumbers: Uint8Array.of(92), positions: new Float32Array(3) }), /got 92/);
});

Deno.test("judge() tells the first rule that is broken, in the order that it promises", () =>
  withRdkit((_, validate) => {
    // Each rule is broken by ethane; without the first, the next is told, whatever the order in the request.
    const rules: [reason: string, where: Where][] = [
      ["formula", { formula: "CH4" }],
      ["elements:C", { elements: { H: { min: 1 }, C: { max: 1 } } }],
      ["molecularWeight", { molecularWeight: { max: 20 } }],
      ["fractionCsp3", { fractionCsp3: { max: 0.5 } }],
      ["qed", { qed: { min: 0.9 } }],
      ["required:[OX2]", { required: ["C", "[OX2]"] }],
      ["forbidden:CC", { forbidden: ["N", "CC"] }],
      ["radiusOfGyration", { radiusOfGyration: { max: 0.5 } }],
    ];
    for (let first = 0; first <= rules.length; first++) {
      const where = Object.assign({}, ...rules.slice(first).map(([, one]) => one).reverse());
      const { passes, reason } = judged(validate, where, ethane());
      assert.deepEqual([passes, reason], first < rules.length ? [false, rules[first][0]] : [true, undefined]);
    }
    const crowded = joined(methane(), methane(), 0.1);
    assert.equal(judged(validate, { formula: "CH4" }, crowded).reason, "invalid");
    assert.equal(judged(validate, {}, crowded).passes, false);
    assert.equal(
      judged(validate, { alerts: ["brenk"] }, molecule(["O", 0, 0, 0], ["O", 1.45, 0, 0])).reason,
      "alert:brenk",
    );
  }));

Deno.test("judge() counts hydrogens that RDKit adds, and those of all fragments", () =>
  withRdkit((_, validate) => {
    const radical = molecule(["C", 0, 0, 0], ["H", 1.09, 0, 0], ["H", -0.4, 1.02, 0], ["H", -0.4, -1.02, 0]);
    assert.ok(judged(validate, { formula: "CH4", elements: { H: { min: 4, max: 4 } } }, radical).passes);
    const two = joined(methane(), methane(), 8);
    assert.ok(judged(validate, { formula: "H8C2" }, two).passes);
    assert.equal(judged(validate, { sound: true }, two).reason, "unsound");
    assert.ok(judged(validate, { sound: true }, methane()).passes);
  }));

Deno.test("judge() tells the values of windows as far as it looked", () =>
  withRdkit((_, validate) => {
    const all = judged(validate, { molecularWeight: { max: 20 }, radiusOfGyration: { max: 9 } });
    assert.deepEqual(Object.keys(all.values), ["molecularWeight", "radiusOfGyration"]);
    assert.ok(Math.abs(all.values.molecularWeight! - 16.043) < 1e-3);
    const some = judged(validate, { molecularWeight: { max: 10 }, radiusOfGyration: { max: 9 } });
    assert.deepEqual(Object.keys(some.values), ["molecularWeight"]);
  }));

Deno.test("a bound is inside its window", () =>
  withRdkit((_, validate) => {
    assert.ok(judged(validate, { heavyAtoms: { min: 2, max: 2 }, rings: { max: 0 } }, ethane()).passes);
    assert.equal(judged(validate, { heavyAtoms: { min: 2.5 } }, ethane()).reason, "heavyAtoms");
  }));

Deno.test("a filter that looks at strain needs a validator with a refiner, one at soundness the judge", () =>
  withRdkit((rdkit, validate) => {
    assert.throws(() => judged(validate, { strainAfter: { max: 5 } }), TypeError);
    const filter = createFilter(rdkit, { sound: true });
    assert.throws(() => filter.judge(chiral(), validate(chiral())), {
      name: "TypeError",
      message: /findings must be there/,
    });
    filter.close();
    const strained = createFilter(rdkit, { strainBefore: { max: 5 }, strainAfter: { max: 1 } });
    const validation = validate(methane());
    assert.equal(strained.judge(methane(), validation).reason, "strainBefore");
    assert.ok(strained.judge(methane(), { ...validation, strain: 0.5 }).passes);
    const refinement = { refined: true as const, strain: { before: 4, after: 3 } };
    assert.equal(strained.judge(methane(), { ...validation, strain: 0.5, refinement }).reason, "strainAfter");
    strained.close();
  }));

Deno.test("compileWhere() refuses what is no SMARTS, with where it stands and why", async () => {
  await assert.rejects(compileWhere({ required: ["C", "C1CC"] }), {
    name: "PatternError",
    fault: { path: "/required/1", message: 'must be SMARTS; got "C1CC": unclosed ring' },
  });
  await assert.rejects(compileWhere({ forbidden: ["C("] }), {
    message: 'where/forbidden/0 must be SMARTS; got "C(": syntax error around character 2',
  });
  const filter = await compileWhere({ required: ["C"] });
  filter.close();
});

Deno.test("a validator says of a filter at fault that nothing passes, and why", () =>
  withRdkit((_, validate) => {
    const { passes, fault } = judged(validate, { forbidden: ["[#6"] });
    assert.equal(passes, false);
    assert.equal(fault!.path, "/forbidden/0");
  }));

Deno.test("judge() gives up patterns that take more than two seconds of a molecule, and a validator tells it as the filter's fault", () =>
  withRdkit((rdkit, validate) => {
    let time = 0;
    const where = whereSchema.parse({ required: ["C"], forbidden: ["N", "O"] }), validation = validate(methane());
    const judge = createVerdicts(rdkit, () => (time += 900));
    assert.deepEqual(judge({ required: ["C"], forbidden: ["N"] }, methane(), validation), { passes: true, values: {} });
    const { passes, fault } = judge(where, methane(), validation);
    assert.deepEqual([passes, fault], [false, {
      path: "/forbidden/1",
      message: "must be looked for in a molecule in 2000 ms, with those before it; took 2700",
    }]);
  }));

Deno.test("filters are compiled once, kept by what they say, and closed when many others came", () => {
  const compiled: string[] = [], closed: string[] = [];
  return withRdkit((rdkit) => {
    const counting: Rdkit = {
      ...rdkit,
      pattern(smarts) {
        compiled.push(smarts);
        const pattern = rdkit.pattern(smarts);
        return { ...pattern, close: () => (closed.push(smarts), pattern.close()) };
      },
    };
    const validate = createValidator(counting);
    for (let k = 0; k < 5; k++) judged(validate, { required: ["C"] });
    assert.deepEqual(compiled, ["C"]);
    for (let k = 1; k <= 16; k++) judged(validate, { required: [`[#${k}]`] });
    assert.deepEqual(closed, ["C"]);
    assert.ok(judged(validate, { required: ["C"] }).passes);
    assert.equal(compiled.filter((smarts) => smarts === "C").length, 2);
  });
});

Deno.test("the schema is strict, names what there is, and has limits", () => {
  const fault = (where: unknown) => {
    const { error } = whereSchema.safeParse(where);
    assert.ok(error, JSON.stringify(where));
    return error.issues.map(({ path, message }) => `${path.join("/")} ${message}`).join("; ");
  };
  const unknown = fault({ logp: { max: 3 } });
  for (const name of [...windowNames, "formula", "elements", "required", "forbidden", "alerts", "sound"]) {
    assert.ok(unknown.includes(name), name);
  }
  assert.match(fault({ logP: { least: 3 } }), /^logP unknown key least; allowed are min, max/);
  assert.match(fault({ logP: {} }), /must have min, max or both/);
  assert.match(fault({ logP: { min: 3, max: 2 } }), /min <= max/);
  assert.match(fault({ elements: { Xx: { min: 1 } } }), /elements unknown key Xx; allowed are H, C, N, O, F/);
  assert.match(fault({ elements: { N: { min: 0.5 } } }), /must be a whole number; got 0.5/);
  assert.match(fault({ required: ["C.C"] }), /^required\/0 must be SMARTS of one component/);
  for (const smarts of ["C C", "C\n$$$$", "C\x1b[2J", "C\0", "é"]) {
    assert.match(
      fault({ required: [smarts] }),
      /^required\/0 must be SMARTS of letters, digits and signs, without spaces; got "/,
    );
  }
  // From 240 on RDKit.js ends its thread.
  const nested = (depth: number) => `${"[$(".repeat(depth)}C${")]".repeat(depth)}`;
  assert.match(
    fault({ required: [nested(9)] }),
    /^required\/0 must have at most 8 recursive parts \$\(...\) within one another; got 9/,
  );
  const many = (count: number) => `[${Array(count).fill("$(C(=O)N)").join(",")}]`;
  assert.match(
    fault({ required: [many(100)], forbidden: [many(28), "[$(C)]"] }),
    /^ must have at most 128 recursive parts \$\(...\) in all patterns; got 129/,
  );
  whereSchema.parse({ required: [nested(8), "C(C(C)(C))C", many(100)], forbidden: [many(20)] });
  fault({ required: [""] }), fault({ required: ["C".repeat(2001)] }), fault({ forbidden: Array(33).fill("C") });
  fault({ alerts: ["nih"] }), fault({ sound: "yes" }), fault({ qed: { max: Infinity } }), fault({ qed: 0.5 });
  assert.match(fault({ formula: "C6H6Xx" }), /formula must be of the elements H, C, .*; got Xx/);
  for (const formula of ["", "6C", "c6", "C06", "C-6", "C6 H6", "C1".repeat(60) + "!"]) fault({ formula });
  const full = {
    ...Object.fromEntries(windowNames.map((name) => [name, { min: 0, max: 1 }])),
    sound: false,
    alerts: [...ALERT_SETS],
  };
  assert.deepEqual(whereSchema.parse(full), full);
  assert.ok(windowNames.length <= 32 && windowNames.every((name) => WINDOWS[name].what.length > 0));
});

Deno.test("parseFormula() adds up the elements of a formula in any order", () => {
  assert.deepEqual([...parseFormula("CH3CH2OH")], [["C", 2], ["H", 6], ["O", 1]]);
  assert.deepEqual([...parseFormula("ClC10")], [["Cl", 1], ["C", 10]]);
  assert.ok(CHEMISTRIES.druglike.elements.length > 8);
});
