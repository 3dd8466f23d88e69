"""Models of the peers, made by their own code as their released QM9 models are, with random weights.

GeoLDM and AccGeoLDM: latent diffusion; EDM: diffusion on atoms. All three share their arguments' names.
"""

import argparse
import contextlib
import importlib.machinery
import importlib.util
import os
import pickle
import sys
import types

import torch

# What their READMEs train with (`main_qm9.py`), and the defaults of what they leave unsaid; `latent_nf` 2 as released.
RELEASED = dict(
    dataset="qm9",
    remove_h=False,
    model="egnn_dynamics",
    probabilistic_model="diffusion",
    nf=256,
    n_layers=9,
    inv_sublayers=1,
    attention=True,
    tanh=True,
    norm_constant=1,
    sin_embedding=False,
    normalization_factor=1,
    aggregation_method="sum",
    condition_time=True,
    conditioning=[],
    context_node_nf=0,
    include_charges=True,
    normalize_factors=[1, 4, 10],
    diffusion_steps=1000,
    diffusion_noise_schedule="polynomial_2",
    diffusion_noise_precision=1e-5,
    diffusion_loss_type="l2",
    latent_nf=2,
    kl_weight=0.01,
    train_diffusion=True,
    trainable_ae=False,
    ae_path=None,
    ema_decay=0.9999,
)

# Imported by `qm9/sampling.py` by way of its plots and statistics, and used by nothing that is measured here.
ONLY_IMPORTED = ("matplotlib", "matplotlib.pyplot", "scipy", "scipy.stats", "imageio", "wandb")

# First weights of the layers that move atoms are a thousandth of the others'. Grown by this, a wrong move is seen.
MOVES = 30.0

WEIGHTS, ARGS = "generative_model_ema.npy", "args.pickle"


def stand_in(names):
    """Puts empty modules in the place of packages that are not installed. Returns the names of those."""
    missing = []
    for name in names:
        top = name.split(".")[0]
        if top not in missing and importlib.util.find_spec(top) is not None:
            continue
        module = types.ModuleType(name)
        module.__spec__ = importlib.machinery.ModuleSpec(name, None)
        module.use = lambda *_: None
        sys.modules[name] = module
        missing.append(name)
        if "." in name:
            setattr(sys.modules[top], name.split(".")[1], module)
    return missing


def open_model(peer, path, steps=1000, device="cpu", seed=1, weights=None, sizes=None):
    """The peer's model on `device`, in evaluation mode.

    peer: "geoldm", "accgeoldm" or "edm"; path: its checkout; steps: of its sampler and schedule; weights: a folder
    that `save` wrote, random ones from `seed` where None; sizes: arguments that differ from RELEASED.
    Returns (model, args, dataset_info, nodes_dist). ValueError for another peer, FileNotFoundError for another folder.
    """
    if peer not in ("geoldm", "accgeoldm", "edm"):
        raise ValueError(f"a peer is geoldm, accgeoldm or edm; {peer} given")
    if not os.path.isfile(os.path.join(path, "qm9", "models.py")):
        raise FileNotFoundError(f"{path} is no checkout of {peer}: it lacks qm9/models.py")
    sys.path.insert(0, os.path.abspath(path))
    missing = stand_in(ONLY_IMPORTED)
    with contextlib.redirect_stdout(sys.stderr):
        from configs.datasets_config import get_dataset_info
        from qm9 import models

        args = argparse.Namespace(**{**RELEASED, "diffusion_steps": steps, **(sizes or {})})
        args.cuda, args.stand_ins = device != "cpu", missing
        info = get_dataset_info(args.dataset, args.remove_h)
        torch.manual_seed(seed)
        build = models.get_model if peer == "edm" else models.get_latent_diffusion
        model, nodes_dist, _ = build(args, torch.device(device), info, None)
    model = model.to(device).eval()
    if weights is None:
        grow_moves(model)
    else:
        state = torch.load(os.path.join(weights, WEIGHTS), map_location=device)
        model.load_state_dict(state)
    return model, args, info, nodes_dist


def grow_moves(model):
    """Multiplies the last layers of the coordinate networks by MOVES."""
    with torch.no_grad():
        for name, value in model.named_parameters():
            if name.endswith("gcl_equiv.coord_mlp.4.weight"):
                value *= MOVES


def save(model, args, folder):
    """Writes weights and arguments into `folder` as the peers' training saves them."""
    torch.save(model.state_dict(), os.path.join(folder, WEIGHTS))
    with open(os.path.join(folder, ARGS), "wb") as file:
        pickle.dump(args, file)


def masks(sizes, nodes, device):
    """node_mask [B,N,1] and edge_mask [B*N*N,1] of molecules of `sizes` padded to `nodes`, as their samplers make them."""
    inside = (torch.arange(nodes)[None, :] < torch.tensor(sizes)[:, None]).float()
    pairs = inside[:, :, None] * inside[:, None, :] * (1 - torch.eye(nodes))
    return inside[:, :, None].to(device), pairs.reshape(-1, 1).to(device)
