import assert from "node:assert/strict";
import { descriptorsOf } from "../../chem/descriptors.ts";
import { qedOf, qedProperties } from "../../chem/qed.ts";
import { createRdkit } from "../../chem/rdkit.ts";

/**
 * SMILES, QED, and its properties (weight, log P, acceptors, donors, surface, rotatable bonds, aromatic rings, alerts), by RDKit 2026.09.1 in Python:
 * `Chem.QED.qed(mol)` and `Chem.QED.properties(mol)`.
 */
const PYTHON: readonly [string, number, number[]][] = [
  ["C", 0.359784937884, [16.043, 0.6361, 0, 0, 0.0, 0, 0, 0]],
  ["F", 0.350794944176, [20.006, 0.1525, 0, 0, 0.0, 0, 0, 0]],
  ["CC(=O)Oc1ccccc1C(=O)O", 0.550121796694, [180.159, 1.3101, 4, 1, 63.6, 2, 1, 2]],
  ["CN1CCC[C@H]1c1cccnc1", 0.62615182258, [162.236, 1.8483, 2, 0, 16.13, 1, 1, 0]],
  ["CC(C)Cc1ccc(cc1)[C@@H](C)C(=O)O", 0.821599548692, [206.285, 3.0732, 2, 1, 37.3, 4, 1, 0]],
  ["CN1C=NC2=C1C(=O)N(C(=O)N2C)C", 0.538462826237, [194.194, -1.0293, 3, 0, 61.82, 0, 2, 0]],
  ["c1ccc2c(c1)[nH]c1ccccc12", 0.528298853754, [167.211, 3.3211, 0, 1, 15.79, 0, 3, 0]],
  ["C1CC2CCC1C2", 0.433388475927, [96.173, 2.1965, 0, 0, 0.0, 0, 0, 0]],
  ["N=C(CCSCc1csc(N=C(N)N)n1)NS(N)(=O)=O", 0.25314257733, [337.456, -0.55833, 6, 5, 173.33, 7, 1, 3]],
  ["CNC(=NCCSCc1nc[nH]c1C)NC#N", 0.234658809755, [252.347, 0.5974, 5, 3, 88.89, 5, 1, 5]],
  ["CCCCCNC(=N)NN=Cc1c[nH]c2ccc(CO)cc12", 0.234871537967, [301.394, 2.29827, 3, 5, 96.29, 7, 2, 4]],
  ["N1C2=CC=CC=C2SC3=C1C=CC4=C3C=CC=C4", 0.467866795236, [249.338, 5.048, 2, 1, 12.03, 0, 4, 0]],
  ["OC1=C(O)C=C2C(=C1)OC3=CC(=O)C(=CC3=C2C4=CC=CC=C4)O", 0.367474354585, [320.3, 3.6816, 5, 3, 90.9, 1, 4, 2]],
  ["CC(C)C1=CC2=C(C)C=CC2=C(C)C=C1", 0.631128326865, [198.309, 4.53164, 0, 0, 0.0, 1, 2, 0]],
  ["[O-][N+](=O)c1ccccc1", 0.420075744634, [123.111, 1.5948, 2, 0, 43.14, 1, 1, 2]],
  ["[NH3+][CH2]C(=O)[O-]", 0.36015453982, [75.067, -3.0218, 2, 1, 67.77, 1, 0, 0]],
  ["O=C1OC2C3OC3C12", 0.307283116045, [112.084, -0.691, 3, 0, 38.83, 0, 0, 2]],
  ["C#CC1(O)CN1", 0.28850169976, [83.09, -1.0886, 2, 2, 42.17, 0, 0, 2]],
  ["CC1=NOC=C1F", 0.489075696003, [101.08, 1.12212, 2, 0, 26.03, 0, 1, 0]],
  ["C.CO", 0.415551964507, [48.085, 0.2446, 1, 1, 20.23, 0, 0, 0]],
  ["CC1(C)SC2C(NC(=O)Cc3ccccc3)C(=O)N2C1C(=O)O", 0.797763270452, [334.397, 0.8608, 5, 2, 86.71, 4, 1, 1]],
  ["Clc1ccccc1C2=NCC(=O)Nc3ccc(cc23)[N+](=O)[O-]", 0.68247427595, [315.716, 3.0377, 3, 1, 84.6, 2, 2, 2]],
  ["[H]/N=C/C", 0.385429788498, [43.069, 0.65587, 0, 1, 23.85, 0, 0, 1]],
  ["C1CCc2ccccc2C1", 0.508629720614, [132.206, 2.5654, 0, 0, 0.0, 0, 1, 0]],
  ["C1=CC2=CC=CC2=C1", 0.438397324283, [102.136, 1.9788, 0, 0, 0.0, 0, 0, 0]],
];

Deno.test("qedOf() and qedProperties() give what RDKit gives in Python", async () => {
  const rdkit = await createRdkit();
  for (const [smiles, qed, properties] of PYTHON) {
    const found = rdkit.withMol(smiles, (mol) => qedProperties(rdkit, mol, JSON.parse(mol.get_descriptors())))!;
    Object.values(found).forEach((value, k) => assert.ok(Math.abs(value - properties[k]) < 1e-5, `${smiles}: ${k}`));
    assert.ok(Math.abs(qedOf(found) - qed) < 1e-9, `${smiles}: ${qedOf(found)}`);
  }
});

Deno.test("descriptorsOf() has QED", async () => {
  const [smiles, qed] = PYTHON[2];
  assert.ok(Math.abs(descriptorsOf(await createRdkit(), smiles).qed - qed) < 1e-9);
});
