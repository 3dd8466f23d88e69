"""Makes the files beside it with the authors' own code: tiny models of GEOM-Drugs of random weights, saved as their training scripts save them, what they say
of a few latents and molecules, and what EDM's rule of bonds and stability says of pairs and of made-up molecules.

    git clone https://github.com/ehoogeboom/e3_diffusion_for_molecules edm
    git clone https://github.com/MinkaiXu/GeoLDM geoldm
    pip install torch numpy scipy rdkit imageio matplotlib tqdm
    python make.py edm edm && python make.py geoldm geoldm    # a clone, and the folder to write to; each in a process of its own
"""
import argparse
import itertools
import json
import os
import pickle
import sys

clone, out = sys.argv[1:]
sys.path.insert(0, os.path.abspath(clone))
import torch  # noqa: E402
from configs.datasets_config import geom_with_h  # noqa: E402
from egnn import models  # noqa: E402
from equivariant_diffusion import en_diffusion  # noqa: E402

LATENT = hasattr(models, "EGNN_decoder_QM9")
SYMBOLS = geom_with_h["atom_decoder"]
TYPES, NODES, STEPS = len(SYMBOLS), 5, 8
args = argparse.Namespace(
    exp_name="tiny", model="egnn_dynamics", probabilistic_model="diffusion", diffusion_steps=STEPS,
    diffusion_noise_schedule="polynomial_2", diffusion_noise_precision=1e-5, diffusion_loss_type="l2", n_layers=2,
    inv_sublayers=1, nf=8, tanh=True, attention=True, norm_constant=1, sin_embedding=False, dataset="geom",
    condition_time=True, conditioning=[], context_node_nf=0, normalize_factors=[1, 4, 10], remove_h=False,
    include_charges=False, normalization_factor=1.0, aggregation_method="sum", ema_decay=0.9999,
    **({"latent_nf": 2, "kl_weight": 0.01, "trainable_ae": True, "ae_path": None} if LATENT else {}),
)
torch.manual_seed(11)
egnn = dict(
    context_node_nf=0, n_dims=3, hidden_nf=args.nf, act_fn=torch.nn.SiLU(), attention=True, tanh=True,
    mode="egnn_dynamics", norm_constant=1, inv_sublayers=1, sin_embedding=False, normalization_factor=1.0,
    aggregation_method="sum",
)
diffusion = dict(
    n_dims=3, timesteps=STEPS, noise_schedule="polynomial_2", noise_precision=1e-5, loss_type="l2",
    norm_values=args.normalize_factors, include_charges=False,
)
scalars = args.latent_nf if LATENT else TYPES
dynamics = models.EGNN_dynamics_QM9(in_node_nf=scalars + 1, n_layers=2, **egnn)
if LATENT:
    encoder = models.EGNN_encoder_QM9(TYPES, out_node_nf=scalars, n_layers=1, include_charges=False, **egnn)
    decoder = models.EGNN_decoder_QM9(scalars, out_node_nf=TYPES, n_layers=2, include_charges=False, **egnn)
    vae = en_diffusion.EnHierarchicalVAE(
        encoder=encoder, decoder=decoder, in_node_nf=TYPES, n_dims=3, latent_node_nf=scalars, kl_weight=0.01,
        norm_values=args.normalize_factors, include_charges=False,
    )
    flow = en_diffusion.EnLatentDiffusion(vae=vae, trainable_ae=True, dynamics=dynamics, in_node_nf=scalars, **diffusion)
else:
    flow = en_diffusion.EnVariationalDiffusion(dynamics=dynamics, in_node_nf=TYPES, **diffusion)
with torch.no_grad():
    for name, parameter in flow.named_parameters():
        if "coord_mlp.4" in name:  # else nothing moves
            parameter.mul_(20)

mask, edges = torch.ones(2, NODES, 1), (1 - torch.eye(NODES)).repeat(2, 1, 1).view(-1, 1)


def latents(width):
    drawn = torch.randn(2, NODES, 3 + width)
    drawn[:, :, :3] -= drawn[:, :, :3].mean(1, keepdim=True)
    return drawn


def write(name, told):
    flat = {key: value.flatten().tolist() if torch.is_tensor(value) else value for key, value in told.items()}
    with open(f"{out}/{name}", "w") as file:
        json.dump(flat, file)


os.makedirs(out, exist_ok=True)
told = {"nodes": NODES}
with torch.no_grad():
    z, t = latents(scalars), torch.tensor([[0.25], [0.875]])
    told |= {"z": z, "t": t, "noise": flow.phi(z, t, mask, edges, None)}
    if LATENT:
        types = torch.tensor([[2, 7, 15, 0, 1], [6, 14, 9, 11, 4]])
        h = torch.nn.functional.one_hot(types, TYPES).float()
        x = latents(0)
        means = vae.encoder._forward(torch.cat([x, h], 2), mask, edges, None)
        positions, features = vae.decoder._forward(z, mask, edges, None)
        told |= {"types": types, "x": x, "meanX": means[0], "meanH": means[2], "positions": positions, "features": features}
torch.save(flow.state_dict(), f"{out}/generative_model_ema.npy")
with open(f"{out}/args.pickle", "wb") as file:
    pickle.dump(args, file)
write("expected.json", told)
if LATENT:
    sys.exit()

from rdkit import Chem  # noqa: E402
from rdkit.Chem import AllChem  # noqa: E402
from qm9 import analyze, bond_analyze  # noqa: E402

FIRST, STEP, COUNT = 0.713, 0.05, 42  # angstrom; no length with its margin is among them
orders = {
    f"{a}-{b}": "".join(str(bond_analyze.geom_predictor((a, b), FIRST + STEP * k)) for k in range(COUNT))
    for a, b in itertools.combinations_with_replacement(SYMBOLS, 2)
}
SMILES = [
    "C", "CS(=O)(=O)N", "CSC", "S=C=S", "C[Si](C)(C)O", "OB(O)C", "FB(F)F", "ClB(Cl)Cl", "Clc1ccc(Br)cc1I", "[AsH3]",
    "CP(=O)(O)O", "PC", "C[Hg]C", "C[Bi](C)C", "[AlH3]", "FC(F)(F)C#N", "C[N+](=O)[O-]", "Br[SiH2]I", "BrC(Cl)=O", "CSS",
]
molecules = []
for smiles in SMILES:
    mol = Chem.AddHs(Chem.MolFromSmiles(smiles))
    AllChem.EmbedMolecule(mol, randomSeed=7)
    positions = mol.GetConformer().GetPositions().round(3)
    types = [SYMBOLS.index(atom.GetSymbol()) for atom in mol.GetAtoms()]
    stable, atoms, _ = analyze.check_stability(positions, types, geom_with_h)
    molecules.append({
        "smiles": smiles, "elements": [SYMBOLS[one] for one in types], "positions": positions.flatten().tolist(),
        "stable": bool(stable), "stableAtoms": int(atoms),
    })
write("stability.json", {"first": FIRST, "step": STEP, "orders": orders, "molecules": molecules})
