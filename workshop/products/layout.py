"""A catalogue as a folder in OGB's raw layout, which `ogb.nodeproppred.PygNodePropPredDataset` reads.

    RELEASE_v1.txt                              the version that the loader looks for
    meta.json                                   what the loader's `meta_dict` needs, except the folder's path
    raw/edge.csv.gz                             two nodes a row, each pair once: the loader adds the inverse
    raw/node-feat.csv.gz                        the features of a node a row
    raw/node-label.csv.gz                       the label of a node a row
    raw/num-node-list.csv.gz, num-edge-list.csv.gz
    split/sales_ranking/{train,valid,test}.csv.gz
    mapping/                                    labels to categories, nodes to ids and to titles, with headers
    title_features.npz                          how titles became features, for products that are not in the graph

It is the layout of ogbn-products, https://ogb.stanford.edu/docs/nodeprop/#ogbn-products, as the loader reads it:
https://github.com/snap-stanford/ogb/blob/master/ogb/io/read_graph_raw.py.
"""

import contextlib
import csv
import ctypes
import errno
import fcntl
import gzip
import hashlib
import io
import json
import os
import re
import secrets
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import orjson
import psutil

from workshop import settings
from workshop.errors import WorkshopError
from workshop.products import vocabulary
from workshop.products.catalogue import TRAIN, VALID, Products
from workshop.products.features import SIZE, TitleFeatures

SPLIT = "sales_ranking"
RELEASE, META, FEATURES = "RELEASE_v1.txt", "meta.json", "title_features.npz"
LABEL_MAPPING, ID_MAPPING, TITLE_MAPPING = (
    f"mapping/{name}.csv.gz" for name in ("labelidx2productcategory", "nodeidx2asin", "nodeidx2title")
)
ROWS = 20_000
"""So many rows of numbers become text at a time."""
LEVEL = 4
"""Of gzip: digits hardly shrink any further, but take longer."""
AT_FDCWD, RENAME_EXCHANGE = -100, 2


def default_folder() -> Path:
    """Where the course's own graph is: datasets/products in the state folder."""
    return settings.home() / "datasets" / "products"


def write(products: Products, folder: Path, *, features: int | TitleFeatures = SIZE) -> None:
    """Write the folder of a graph. The same products give the same bytes.

    It is made beside `folder` and put into place as a whole: whatever happens, `folder` is the old or the new one.

    Args:
        products: at least three with one pair among them, see `Products`.
        folder: made with its parents. What stands there is replaced if it is empty or such a folder itself.
        features: numbers a node; or how titles became features in another graph, so that a network trained there
            understands this one.

    Raises:
        WorkshopError: `folder` is something else, or cannot be written.
    """
    folder = Path(folder).expanduser().resolve()
    _check_replaceable(folder)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        _remove_leftovers(folder)
        partial = folder.parent / f".{folder.name}.{os.getpid()}.{secrets.token_hex(4)}.partial"
        partial.mkdir()
        try:
            _fill(products, partial, features)
            _put(partial, folder)
        finally:
            shutil.rmtree(partial, ignore_errors=True)
    except OSError as error:
        reason = f"cannot write {settings.shown(folder)}: {error}"
        raise WorkshopError(f"{reason}; free what is in the way, or choose another folder") from error


def sources() -> str:
    """SHA-256 of all that decides what the course's own graph looks like: the vocabulary and the code."""
    here = Path(__file__).parent
    code = (here / f"{name}.py" for name in ("vocabulary", "generator", "products", "features", "layout"))
    digest = hashlib.sha256()
    for path in (vocabulary.VOCABULARY, *code):
        digest.update(hashlib.sha256(path.read_bytes() if path.exists() else b"").digest())
    return digest.hexdigest()


@contextlib.contextmanager
def exclusive(folder: Path) -> Iterator[None]:
    """Let one process at a time make something in a folder, or replace it.

    The lock is a file in the folder. It is taken again when the folder was replaced while this waited; a folder that
    nobody here may write to needs none.
    """
    path = folder / ".lock"
    with contextlib.ExitStack() as stack:
        while True:
            try:
                lock = stack.enter_context(open(path, "w"))
            except OSError:
                break
            fcntl.flock(lock, fcntl.LOCK_EX)
            with contextlib.suppress(FileNotFoundError):
                if os.path.samestat(os.fstat(lock.fileno()), path.stat()):
                    break
        yield


def _check_replaceable(folder: Path) -> None:
    """Raise when something stands at `folder` that this module has not written."""
    if not os.path.lexists(folder):
        return
    shown = settings.shown(folder)
    if not folder.is_dir():
        raise WorkshopError(f"{shown} is no folder; remove it, or choose another name")
    try:
        replaceable = not os.listdir(folder) or ((folder / RELEASE).is_file() and (folder / META).is_file())
    except OSError as error:
        raise WorkshopError(f"cannot look into {shown}: {error.strerror}; choose another folder") from error
    if not replaceable:
        raise WorkshopError(
            f"{shown} holds something else than a product graph ({RELEASE} and {META} are missing) and is left as it is; "
            "choose another folder"
        )


def _remove_leftovers(folder: Path) -> None:
    """Remove what processes left beside a folder when they were killed while they made it."""
    pattern = re.compile(rf"\.{re.escape(folder.name)}\.(\d+)\.[0-9a-f]{{8}}\.partial")
    for path in folder.parent.iterdir():
        match = pattern.fullmatch(path.name)
        if match and not psutil.pid_exists(int(match[1])):
            shutil.rmtree(path, ignore_errors=True)


def _put(partial: Path, folder: Path) -> None:
    """Put a finished folder into place; what stood there, if anything, takes its name."""
    try:
        # Over an empty folder, too.
        partial.rename(folder)
        return
    except OSError as error:
        if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
            raise
    with exclusive(folder):
        _check_replaceable(folder)
        libc = ctypes.CDLL(None, use_errno=True)
        exchange = getattr(libc, "renameat2", None)
        if exchange is not None and not exchange(
            AT_FDCWD, os.fsencode(partial), AT_FDCWD, os.fsencode(folder), RENAME_EXCHANGE
        ):
            return
        if exchange is not None and ctypes.get_errno() not in (errno.EINVAL, errno.ENOSYS):
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
        # Some file systems, NFS among them, cannot exchange two folders in one step.
        old = partial.with_name(f"{partial.name.removesuffix('.partial')[:-8]}{secrets.token_hex(4)}.partial")
        folder.rename(old)
        partial.rename(folder)
        shutil.rmtree(old, ignore_errors=True)


def _fill(products: Products, folder: Path, features: int | TitleFeatures) -> None:
    titles = TitleFeatures.fit(products.titles, features) if isinstance(features, int) else features
    titles.save(folder / FEATURES)
    _numbers(folder / "raw" / "edge.csv.gz", products.co_purchases)
    _numbers(folder / "raw" / "node-feat.csv.gz", titles.transform(products.titles), decimals=True)
    _numbers(folder / "raw" / "node-label.csv.gz", products.labels)
    _numbers(folder / "raw" / "num-node-list.csv.gz", np.array([len(products.ids)]))
    _numbers(folder / "raw" / "num-edge-list.csv.gz", np.array([len(products.co_purchases)]))
    for name, nodes in _split(products.sales).items():
        _numbers(folder / "split" / SPLIT / f"{name}.csv.gz", nodes)
    columns = [products.categories] if products.ogb_categories is None else [products.categories, products.ogb_categories]
    names = ["product category", "ogb product category"][: len(columns)]
    _table(folder / LABEL_MAPPING, ["label idx", *names], *columns)
    _table(folder / ID_MAPPING, ["node idx", "asin"], products.ids)
    _table(folder / TITLE_MAPPING, ["node idx", "title"], products.titles)
    (folder / RELEASE).write_text("The version of this layout, for OGB's loader.\n")
    (folder / META).write_text(json.dumps(_meta(products), indent=1) + "\n")


def _split(sales: np.ndarray) -> dict[str, np.ndarray]:
    """Nodes in the order of their sales, int64: the best to train, the next to validate, all others to test."""
    ranked = np.argsort(-sales, kind="stable")
    train, valid = (-(-len(ranked) * percent // 100) for percent in (TRAIN, VALID))
    return dict(zip(("train", "valid", "test"), np.split(ranked, [train, train + valid]), strict=True))


def _meta(products: Products) -> dict[str, str]:
    """What the loader wants to know, all of it text as in OGB's own master.csv, and what the graph was made with."""
    return {
        "num tasks": "1",
        "num classes": str(len(products.categories)),
        "eval metric": "acc",
        "task type": "multiclass classification",
        "download_name": "products",
        "version": "1",
        "url": "",
        "add_inverse_edge": "True",
        "has_node_attr": "True",
        "has_edge_attr": "False",
        "split": SPLIT,
        "additional node files": "None",
        "additional edge files": "None",
        "is hetero": "False",
        "binary": "False",
        "sources": sources(),
    }


def _numbers(path: Path, values: np.ndarray, *, decimals: bool = False) -> None:
    """Numbers without a header: a row of a matrix, or one number of a vector, a line."""
    rows = values.reshape(len(values), -1)

    def lines() -> Iterator[bytes]:
        for start in range(0, len(rows), ROWS):
            part = rows[start : start + ROWS]
            # Through float64, where six decimals stay six; adding zero makes -0.0 a plain 0.0.
            part = np.round(part.astype(np.float64), 6) + 0.0 if decimals else part.astype(np.int64)
            yield orjson.dumps(part, option=orjson.OPT_SERIALIZE_NUMPY)[2:-2].replace(b"],[", b"\n") + b"\n"

    _compressed(path, lines())


def _table(path: Path, header: list[str], *columns: Iterable[str]) -> None:
    """A table with a header; its first column counts the rows from 0."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows((number, *fields) for number, fields in enumerate(zip(*columns, strict=True)))
    _compressed(path, [text.getvalue().encode()])


def _compressed(path: Path, parts: Iterable[bytes]) -> None:
    """Write a gzip file that says neither when it was made nor what it was called."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "wb") as raw, gzip.GzipFile("", "wb", LEVEL, raw, mtime=0) as file:
        for part in parts:
            file.write(part)
