"""Makes the files beside it with the authors' own code: tiny conditional models of random weights, saved as their training scripts save them, and what
they say of a few latents and molecules.

    git clone https://github.com/ehoogeboom/e3_diffusion_for_molecules edm
    git clone https://github.com/MinkaiXu/GeoLDM geoldm
    pip install torch numpy
    python make.py edm edm && python make.py geoldm geoldm    # a clone, and the folder to write to; each in a process of its own
"""
import argparse
import json
import os
import pickle
import sys

clone, out = sys.argv[1:]
sys.path.insert(0, os.path.abspath(clone))
import torch  # noqa: E402
from egnn import models  # noqa: E402
from equivariant_diffusion import en_diffusion  # noqa: E402
from qm9.utils import prepare_context  # noqa: E402

LATENT = hasattr(models, "EGNN_decoder_QM9")
NORMS = {
    "alpha": {"mean": 75.3734, "mad": 6.27277}, "gap": {"mean": 6.86318, "mad": 1.0619},
    "Cv": {"mean": -22.1666, "mad": 4.88855},
}
VALUES = {"alpha": [60.0, 81.5], "gap": [5.5, 9.25], "Cv": [8.5, 20.0]}
TYPES, NODES, STEPS = 5, 4, 8
THERMO = {"Cv": 2.981 * NODES}  # what qm9/data/dataset_class.py takes from the values
args = argparse.Namespace(
    exp_name="tiny", model="egnn_dynamics", probabilistic_model="diffusion", diffusion_steps=STEPS,
    diffusion_noise_schedule="polynomial_2", diffusion_noise_precision=1e-5, diffusion_loss_type="l2", n_layers=2,
    inv_sublayers=1, nf=16, tanh=True, attention=True, norm_constant=1, sin_embedding=False, dataset="qm9_second_half",
    condition_time=True, conditioning=["gap", "alpha", "Cv"], context_node_nf=3, normalize_factors=[1, 8, 1], remove_h=False,
    include_charges=False, normalization_factor=1, aggregation_method="sum", ema_decay=0.999,
    **({"latent_nf": 1, "kl_weight": 0.01, "trainable_ae": True, "ae_path": None} if LATENT else {}),
)
torch.manual_seed(7)
egnn = dict(
    context_node_nf=3, n_dims=3, hidden_nf=args.nf, act_fn=torch.nn.SiLU(), attention=True, tanh=True,
    mode="egnn_dynamics", norm_constant=1, inv_sublayers=1, sin_embedding=False, normalization_factor=1,
    aggregation_method="sum",
)
diffusion = dict(
    n_dims=3, timesteps=STEPS, noise_schedule="polynomial_2", noise_precision=1e-5, loss_type="l2",
    norm_values=args.normalize_factors, include_charges=False,
)
scalars = args.latent_nf if LATENT else TYPES
dynamics = models.EGNN_dynamics_QM9(in_node_nf=scalars + 1, n_layers=2, **egnn)
if LATENT:
    encoder = models.EGNN_encoder_QM9(TYPES, out_node_nf=1, n_layers=1, include_charges=False, **egnn)
    decoder = models.EGNN_decoder_QM9(1, out_node_nf=TYPES, n_layers=2, include_charges=False, **egnn)
    vae = en_diffusion.EnHierarchicalVAE(
        encoder=encoder, decoder=decoder, in_node_nf=TYPES, n_dims=3, latent_node_nf=1, kl_weight=0.01,
        norm_values=args.normalize_factors, include_charges=False,
    )
    flow = en_diffusion.EnLatentDiffusion(vae=vae, trainable_ae=True, dynamics=dynamics, in_node_nf=1, **diffusion)
else:
    flow = en_diffusion.EnVariationalDiffusion(dynamics=dynamics, in_node_nf=TYPES, **diffusion)
with torch.no_grad():
    for name, parameter in flow.named_parameters():
        if "coord_mlp.4" in name:  # else nothing moves
            parameter.mul_(20)

mask, edges = torch.ones(2, NODES, 1), (1 - torch.eye(NODES)).repeat(2, 1, 1).view(-1, 1)
minibatch = {name: torch.tensor(values) - THERMO.get(name, 0) for name, values in VALUES.items()}
minibatch |= {"positions": torch.zeros(2, NODES, 3), "atom_mask": mask.squeeze(2)}
context = prepare_context(args.conditioning, minibatch, NORMS)


def latents(width):
    drawn = torch.randn(2, NODES, 3 + width)
    drawn[:, :, :3] -= drawn[:, :, :3].mean(1, keepdim=True)
    return drawn


told = {"values": VALUES, "nodes": NODES}
with torch.no_grad():
    z, t = latents(scalars), torch.tensor([[0.25], [0.875]])
    told |= {"z": z, "t": t, "noise": flow.phi(z, t, mask, edges, context)}
    if LATENT:
        types = torch.tensor([[1, 0, 3, 0], [2, 1, 4, 0]])
        h = torch.nn.functional.one_hot(types, TYPES).float()
        x = latents(0)
        means = vae.encoder._forward(torch.cat([x, h], 2), mask, edges, context)
        positions, features = vae.decoder._forward(z, mask, edges, context)
        told |= {"types": types, "x": x, "meanX": means[0], "meanH": means[2], "positions": positions, "features": features}

os.makedirs(out, exist_ok=True)
torch.save(flow.state_dict(), f"{out}/generative_model_ema.npy")
with open(f"{out}/args.pickle", "wb") as file:
    pickle.dump(args, file)
flat = {name: value.flatten().tolist() if torch.is_tensor(value) else value for name, value in told.items()}
with open(f"{out}/expected.json", "w") as file:
    json.dump(flat, file)
