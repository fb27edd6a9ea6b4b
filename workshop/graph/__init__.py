"""GraphSAGE: neighbour sampling, the network, its tasks and training, and how well it ranks."""

import warnings

with warnings.catch_warnings():
    # Some of its functions are scripted when it is imported, of which torch warns: each reader once would be too often.
    warnings.filterwarnings("ignore", ".torch.jit", FutureWarning)
    import torch_geometric.nn  # noqa: F401
