"""Product graphs from their folders: read by OGB's own loader, checked, and with names for nodes and labels.

The loader is `ogb.nodeproppred.PygNodePropPredDataset`, https://ogb.stanford.edu/docs/nodeprop/; the same code reads the
course's graphs and ogbn-products. It turns raw/ into processed/ once; here that is done again when raw/ has changed, and
by one process at a time.
"""

import contextlib
import csv
import dataclasses
import gzip
import io
import json
import shutil
import sys
import warnings
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from workshop import settings
from workshop.errors import WorkshopError
from workshop.machine import services
from workshop.products import generator, layout
from workshop.products.features import TitleFeatures

# When it is imported, ogb asks PyPI for a newer version of itself, in a thread that Python waits for before it ends: in a
# room with bad Wi-Fi, every command would hang. It goes without where the package `outdated` cannot be imported.
_outdated = sys.modules.get("outdated")
sys.modules["outdated"] = None  # type: ignore[assignment]
try:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".torch.jit", FutureWarning)
        import ogb.nodeproppred
        from torch_geometric.data import Data
        from torch_geometric.data.data import DataEdgeAttr, DataTensorAttr
        from torch_geometric.data.storage import GlobalStorage
finally:
    del sys.modules["outdated"]
    if _outdated is not None:
        sys.modules["outdated"] = _outdated

# What the loader's processed file is made of, beside tensors: torch.load refuses classes that it does not know.
torch.serialization.add_safe_globals([DataEdgeAttr, DataTensorAttr, GlobalStorage])

OGBN_PRODUCTS = "ogbn-products"
FEATURES, LABELS, EDGES, NODE_COUNT, EDGE_COUNT = "node-feat", "node-label", "edge", "num-node-list", "num-edge-list"
RAW = (EDGES, FEATURES, LABELS, NODE_COUNT, EDGE_COUNT)
SPLITS = ("train", "valid", "test")
WHOLE, DECIMAL = b"0123456789,\r\n", b"0123456789,.+-eE\r\n"
"""The bytes of well-formed files of nodes and labels, and of features."""
CHUNK = 1 << 22
REMEDY = "put the file back, or make the graph anew (scripts/make_product_graph.py)"


@dataclasses.dataclass(frozen=True, eq=False)
class ProductGraph:
    """A product graph of N nodes and E pairs in memory."""

    name: str
    folder: Path
    data: Data
    """x float32 [N, features], edge_index int64 [2, 2 E] with both directions of each pair, y int64 [N, 1]."""
    split: dict[str, torch.Tensor]
    """The nodes of train, valid and test, int64 each; none is in two of them."""
    num_classes: int
    ids: list[str] | None
    """[N], where the folder has them."""
    titles: list[str] | None
    """[N], where the folder has them; ogbn-products has none."""
    categories: list[str]
    """[num_classes], the name of each label."""

    def features(self) -> TitleFeatures | None:
        """How titles became `data.x`; None where the folder does not say."""
        path = self.folder / layout.FEATURES
        return TitleFeatures.load(path) if path.exists() else None


def default(progress: Callable[[str], None] = lambda text: None) -> Path:
    """The folder of the course's own graph, made when it is missing or was made by other code or another vocabulary.

    Args:
        progress: called with a line of text before each step.
    """
    folder = layout.default_folder()
    with services.exclusive("datasets"):
        try:
            current = meta(folder)["sources"] == layout.sources()
        except (WorkshopError, KeyError):
            current = False
        if not current:
            progress("making the product graph")
            layout.write(generator.generate(seed=0), folder)
        if not _processed(folder):
            progress("loading the product graph for the first time")
            load(folder)
    return folder


def meta(folder: Path) -> dict[str, str]:
    """The `meta_dict` with which `PygNodePropPredDataset` reads a folder without asking anything.

    Raises:
        WorkshopError: the folder is missing, or no product graph.
    """
    folder = Path(folder).expanduser().resolve()
    path, shown = folder / layout.META, settings.shown(folder)
    if not folder.is_dir():
        raise WorkshopError(f"there is no folder {shown}; make a graph with scripts/make_product_graph.py --out {shown}")
    try:
        about = json.loads(path.read_text(encoding="utf-8"))
        wrong = not isinstance(about, dict) or not set(_ogbn_meta()) <= about.keys() or int(about["num classes"]) < 1
    except FileNotFoundError as error:
        raise WorkshopError(f"{shown} is no product graph: it has no {layout.META}; {REMEDY}") from error
    except (OSError, ValueError, TypeError) as error:
        raise WorkshopError(f"{settings.shown(path)} cannot be read: {error}; {REMEDY}") from error
    if wrong:
        raise WorkshopError(f"{settings.shown(path)} lacks some of what OGB's loader needs; {REMEDY}")
    if not (folder / f"RELEASE_v{about['version']}.txt").exists():
        raise WorkshopError(f"{shown} has no RELEASE_v{about['version']}.txt, for which OGB's loader looks; {REMEDY}")
    return {**about, "dir_path": str(folder)}


def load(dataset: str | Path) -> ProductGraph:
    """Read a graph and check it.

    Args:
        dataset: "ogbn-products", or the folder of a graph. OGB's data set is looked for in datasets/ of the state folder;
            where it is not there yet, OGB's loader asks in a terminal whether to download it.

    Raises:
        WorkshopError: something is missing, damaged or does not fit together; the message names the file and the first
            node or edge at fault.
    """
    if dataset == OGBN_PRODUCTS:
        about = {**_ogbn_meta(), "dir_path": str(_ogbn_folder())}
        folder, name = Path(about["dir_path"]), OGBN_PRODUCTS
    else:
        about = meta(Path(dataset))
        folder = Path(about["dir_path"])
        name = folder.name
    with layout.exclusive(folder):
        data, split = _read(name, folder, about)
        classes = int(about["num classes"])
        _check_nodes(data, folder, classes)
        _check_edges(data, folder, 2 if about["add_inverse_edge"] == "True" else 1)
        _check_split(split, data.num_nodes, folder / "split" / about["split"])
        ids, titles = (_mapping(folder / path, data.num_nodes) for path in (layout.ID_MAPPING, layout.TITLE_MAPPING))
        categories = _mapping(folder / layout.LABEL_MAPPING, classes) or [f"category {label}" for label in range(classes)]
    return ProductGraph(name, folder, data, split, classes, ids, titles, categories)


def _ogbn_meta() -> dict[str, str]:
    """What OGB's own list of data sets says about ogbn-products."""
    master = pd.read_csv(Path(ogb.nodeproppred.__file__).with_name("master.csv"), index_col=0, keep_default_na=False)
    return master[OGBN_PRODUCTS].to_dict()


def _ogbn_folder() -> Path:
    """The folder of ogbn-products, downloaded by OGB's loader where a person at a terminal agrees."""
    root = settings.home() / "datasets"
    folders = [root / name for name in ("ogbn_products_pyg", "ogbn_products")]
    found = next((folder for folder in folders if (folder / "RELEASE_v1.txt").exists()), None)
    if found is not None:
        return found
    how = (
        "it is 1.4 GB. Load it once in a terminal, where OGB's loader asks before it downloads, or unpack "
        f"{_ogbn_meta()['url']} and put its folder at {settings.shown(folders[-1])}"
    )
    if sys.stdin is None or sys.stdin.closed or not sys.stdin.isatty():
        raise WorkshopError(f"{OGBN_PRODUCTS} is not here yet: {how}")
    for folder in folders:
        # A download that was broken off leaves folders without files; the loader would ask whether to update them.
        if folder.is_dir() and not any(path.is_file() for path in folder.rglob("*")):
            shutil.rmtree(folder)
    try:
        ogb.nodeproppred.PygNodePropPredDataset(OGBN_PRODUCTS, root=str(root))
    except (OSError, RuntimeError, SystemExit, EOFError) as error:
        reason = f"{type(error).__name__}: {error}"
        raise WorkshopError(f"{OGBN_PRODUCTS} was not downloaded ({reason}): {how}") from error
    return folders[-1]


def _processed(folder: Path) -> Path | None:
    """The loader's processed file where there is one and raw/ has not changed since."""
    path = folder / "processed" / "geometric_data_processed.pt"
    try:
        made = path.stat().st_mtime_ns
        return path if all((folder / "raw" / f"{name}.csv.gz").stat().st_mtime_ns < made for name in RAW) else None
    except FileNotFoundError:
        return None


def _read(name: str, folder: Path, about: dict[str, str]) -> tuple[Data, dict[str, torch.Tensor]]:
    """The graph and its split as OGB's loader reads them, from processed/ where that is fresh and can be read."""
    raw, split = folder / "raw", folder / "split" / about["split"]
    for part in RAW:
        if not (raw / f"{part}.csv.gz").is_file():
            raise WorkshopError(f"{settings.shown(raw / part)}.csv.gz is missing; {REMEDY}")
    if not (split / "split_dict.pt").exists():
        for part in SPLITS:
            _lines(split / f"{part}.csv.gz")
    if _processed(folder):
        # Whatever torch.load makes of a damaged file, or of one that holds something else: it is made anew from raw/.
        with contextlib.suppress(Exception):
            data, parts = _loaded(name, about)
            if all(torch.is_tensor(getattr(data, part, None)) for part in ("x", "y", "edge_index")):
                return data, parts
    _check_raw(raw)
    try:
        shutil.rmtree(folder / "processed", ignore_errors=True)
        return _loaded(name, about)
    except Exception as error:
        for part in RAW:
            _check_numbers(raw / f"{part}.csv.gz", whole=part != FEATURES)
        reason = f"{type(error).__name__}: {error}"
        raise WorkshopError(f"OGB's loader cannot read {settings.shown(folder)} ({reason}); {REMEDY}") from error


def _loaded(name: str, about: dict[str, str]) -> tuple[Data, dict[str, torch.Tensor]]:
    """What OGB's loader makes of a folder, without what it has to say meanwhile."""
    told = io.StringIO()
    with contextlib.redirect_stdout(told), contextlib.redirect_stderr(told), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        dataset = ogb.nodeproppred.PygNodePropPredDataset(name, meta_dict=about)
        return dataset[0], dataset.get_idx_split()


def _check_raw(raw: Path) -> None:
    """Raise where the raw files are damaged or of different lengths: the loader would cut off what is too much."""
    lines = {name: _lines(raw / f"{name}.csv.gz") for name in RAW}
    for counted, files in ((NODE_COUNT, (FEATURES, LABELS)), (EDGE_COUNT, (EDGES,))):
        said = _said(raw, counted)
        for name in files:
            if lines[name] != said:
                path = settings.shown(raw / f"{name}.csv.gz")
                raise WorkshopError(f"{path} has {lines[name]:,} lines, but {counted}.csv.gz says {said:,}; {REMEDY}")


def _said(raw: Path, name: str) -> int:
    """The number that a file of counts holds: a folder is one graph."""
    path = raw / f"{name}.csv.gz"
    content = gzip.decompress(path.read_bytes()) if _lines(path) == 1 else b""
    if not content.strip().isdigit():
        raise WorkshopError(f"{settings.shown(path)} has to hold one whole number, that of one graph; {REMEDY}")
    return int(content)


def _lines(path: Path) -> int:
    """Lines of a compressed file of numbers, which is read to its end."""
    number, last, clean = 0, b"", True
    usual = DECIMAL if path.name.startswith(FEATURES) else WHOLE
    try:
        with gzip.open(path, "rb") as file:
            while chunk := file.read(CHUNK):
                number, last = number + chunk.count(b"\n"), chunk[-1:]
                clean = clean and not chunk.translate(None, usual)
    except (OSError, EOFError, zlib.error) as error:
        what = "is missing" if isinstance(error, FileNotFoundError) else f"is damaged ({error})"
        raise WorkshopError(f"{settings.shown(path)} {what}; {REMEDY}") from error
    if not last:
        raise WorkshopError(f"{settings.shown(path)} is empty; {REMEDY}")
    if not clean:
        _check_numbers(path, whole=usual == WHOLE)
    return number + (last != b"\n")


def _check_numbers(path: Path, *, whole: bool) -> None:
    """Raise at the first field of a file that is no number, or no whole one."""
    shown, what = settings.shown(path), "whole number" if whole else "finite number"
    try:
        fields = pd.read_csv(path, header=None, dtype=str, keep_default_na=False, skip_blank_lines=False)
    except ValueError as error:
        raise WorkshopError(f"{shown}: {str(error).strip()}; {REMEDY}") from error
    values = fields.apply(pd.to_numeric, errors="coerce").to_numpy(float)
    wrong = ~np.isfinite(values) | (whole and values != np.round(values))
    if wrong.any():
        row, column = np.argwhere(wrong)[0]
        kind = "edge" if path.name.startswith(EDGES) else "node" if path.parent.name == "raw" else "entry"
        text = f"{shown}, line {row + 1} ({kind} {row}), field {column + 1}: {fields.iat[row, column]!r} is no {what}"
        raise WorkshopError(f"{text}; {REMEDY}")


def _check_nodes(data: Data, folder: Path, classes: int) -> None:
    """Raise unless each node has finite features and a label from 0 to classes - 1; numbers become the usual types."""
    raw = folder / "raw"
    features, labels = (settings.shown(raw / f"{name}.csv.gz") for name in (FEATURES, LABELS))
    number = _said(raw, NODE_COUNT)
    for what, path, rows in (("features", features, data.x), ("labels", labels, data.y)):
        if len(rows) != number:
            raise WorkshopError(f"{path}: {len(rows):,} nodes have {what}, but the graph has {number:,} nodes; {REMEDY}")
    # The loader keeps features that happen to be whole numbers as such.
    data.x = data.x.float()
    if not torch.isfinite(data.x).all():
        node, feature = (~torch.isfinite(data.x)).nonzero()[0].tolist()
        value = data.x[node, feature].item()
        raise WorkshopError(f"{features}, line {node + 1}: node {node} has {value} as its feature {feature}; {REMEDY}")
    if data.y.dim() != 2 or data.y.size(1) != 1:
        raise WorkshopError(f"{labels}: a node has to have one label, not {data.y[0].numel()}; {REMEDY}")
    wrong = ~((data.y >= 0) & (data.y < classes)).view(-1)
    if wrong.any():
        node = int(wrong.nonzero()[0])
        raise WorkshopError(
            f"{labels}, line {node + 1}: node {node} has the label {data.y[node].item()}, which is not one of "
            f"0 to {classes - 1}; {REMEDY}"
        )
    data.y = data.y.long()


def _check_edges(data: Data, folder: Path, directions: int) -> None:
    """Raise unless all edges are there and lead from node to node."""
    path = settings.shown(folder / "raw" / f"{EDGES}.csv.gz")
    number, edges = _said(folder / "raw", EDGE_COUNT), data.edge_index
    if edges.size(0) != 2 or edges.size(1) != directions * number:
        raise WorkshopError(
            f"{path}: {edges.size(1) // directions:,} edges with {edges.size(0)} ends, but {EDGE_COUNT}.csv.gz says "
            f"{number:,}, and an edge has 2; {REMEDY}"
        )
    if edges.numel() and (edges.min() < 0 or edges.max() >= data.num_nodes):
        column = int(((edges < 0) | (edges >= data.num_nodes)).any(dim=0).nonzero()[0])
        edge, (tail, head) = column // directions, edges[:, column].tolist()
        raise WorkshopError(
            f"{path}, line {edge + 1}: edge {edge} joins the nodes {tail} and {head}, but nodes are 0 to "
            f"{data.num_nodes - 1}; {REMEDY}"
        )


def _check_split(split: dict[str, torch.Tensor], number: int, folder: Path) -> None:
    """Raise unless train, valid and test are there, hold nodes, and no node is there twice."""
    for name in SPLITS:
        if not isinstance(split, dict) or not torch.is_tensor(split.get(name, torch.empty(0))):
            raise WorkshopError(f"{settings.shown(folder / 'split_dict.pt')} holds no split; remove it")
        path, nodes = settings.shown(folder / f"{name}.csv.gz"), split.get(name)
        if nodes is None or not nodes.numel():
            raise WorkshopError(f"{path}: the split {name} has no nodes; {REMEDY}")
        wrong = (nodes < 0) | (nodes >= number)
        if wrong.any():
            line = int(wrong.nonzero()[0])
            text = f"{path}, line {line + 1}: there is no node {nodes[line]}, nodes are 0 to {number - 1}"
            raise WorkshopError(f"{text}; {REMEDY}")
    times = torch.bincount(torch.cat([split[name] for name in SPLITS]), minlength=number)
    if times.max() > 1:
        node = int((times > 1).nonzero()[0])
        where = " and ".join(name for name in SPLITS for _ in range(int((split[name] == node).sum())))
        raise WorkshopError(f"{settings.shown(folder)}: node {node} is in the split more than once, in {where}; {REMEDY}")


def _mapping(path: Path, number: int) -> list[str] | None:
    """The second column of a mapping by its first, which counts from 0; None where there is no such file."""
    if not path.exists():
        return None
    names: dict[int, Any] = {}
    try:
        with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
            rows = csv.reader(file)
            next(rows, None)
            names = {int(row[0]): row[1] for row in rows}
    except (OSError, EOFError, zlib.error, ValueError, IndexError, csv.Error) as error:
        raise WorkshopError(f"{settings.shown(path)} is damaged ({error}); {REMEDY}") from error
    if len(names) != number or any(position not in names for position in range(number)):
        raise WorkshopError(f"{settings.shown(path)} has to name 0 to {number - 1}, and names {len(names)}; {REMEDY}")
    return [names[position] for position in range(number)]
