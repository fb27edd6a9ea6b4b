"""The tables of `workshop bench store`."""

from typing import Any

from workshop import bench

VARIANTS = {
    "round_trip": "vector sent, no search",
    "server_key": "RETURN d._key",
    "server_document": "RETURN d",
    "server_filtered_key": "FILTER, RETURN d._key",
    "server_filtered_document": "FILTER, RETURN d",
    "numpy": "NumPy",
    "numpy_filtered": "NumPy, a tenth",
    "faiss_flat": "faiss, flat",
}


def tables(report: dict[str, Any]) -> list[Any]:
    """What is printed: the setting, the tables, and what they mean."""
    results, given, machine = report["results"], report["settings"], report["hardware"]
    versions = report["versions"]
    return [
        f"{machine['cpu']}, {machine['cores_available']} cores, {machine['memory_gib']:.0f} GiB; {machine['os']}",
        f"ArangoDB {given['server_version']}, {given['server']}; python-arango {versions['python-arango']}, "
        f"faiss {versions['faiss-cpu']}, NumPy {versions['numpy']}",
        f"vectors of {given['dimension']} numbers; figures are medians (min–max) over {given['rounds']} rounds, "
        f"those of writes over {given['write_rounds']}\n",
        *_writes_table(results, given),
        *_exact_table(results),
        *_approximate_tables(results["approximate"]),
        *(_memory_table(results["memory"]) if "memory" in results else []),
    ]


def _writes_table(results: dict[str, Any], given: dict[str, Any]) -> list[Any]:
    shown = bench.table("Small documents", "what|documents|documents/s\nmedian (min–max)")
    writes = results["writes"]
    rows = (
        ("import_bulk, batches of 10,000", "imported", "import_per_s"),
        ("insert, each durable before it is answered", "singles", "insert_per_s"),
        ("get by key", "singles", "get_per_s"),
    )
    for text, count, name in rows:
        shown.add_row(text, f"{given[count]:,}", bench.span(writes[name]))
    hand = results["hand_written"]
    return [shown, f"cosine written by hand in AQL, {hand['documents']:,} documents: {bench.span(hand['seconds'], 2)} s\n"]


def _exact_table(results: dict[str, Any]) -> list[Any]:
    rows = results["exact"]
    headers = "|".join(f"{row['documents']:,}\nms" for row in rows)
    shown = bench.table("The 10 nearest of all documents, exactly: COSINE_SIMILARITY", f"variant|{headers}")
    for name, text in VARIANTS.items():
        shown.add_row(text, *(bench.span(row["ms"][name], 2) for row in rows))
    imported = ", ".join(f"{int(size):,} in {seconds:.1f} s" for size, seconds in results["vector_import"].items())
    return [
        shown,
        "FILTER keeps a tenth of the documents. NumPy and faiss rank in process, with nothing around the vectors",
        f"imported before: {imported}\n",
    ]


def _approximate_tables(found: list[dict[str, Any]]) -> list[Any]:
    shown: list[Any] = []
    for part in found:
        title = f"Vector index, {part['documents']:,} {part['data']} vectors, {part['lists']} lists"
        headers = "lists probed|server\nms|faiss in process\nms|recall@10\nserver|recall@10\nfaiss"
        table = bench.table(title, headers)
        for row in part["searches"]:
            sides = (row["server"], row["faiss"])
            times = (bench.span(side["ms"], 2) for side in sides)
            table.add_row(str(row["probes"]), *times, *(f"{side['recall_at_10']:.3f}" for side in sides))
        builds = part["build_seconds"]
        shown += [
            table,
            f"built in {bench.span(builds['server'], 1)} s by the server, in {bench.span(builds['faiss'], 1)} s by faiss\n",
        ]
    shown.append(
        "clustered: overlapping topics, as near to each other as summaries of films are. Isotropic: in all directions\n"
        "alike, the hard case: there every list is as good as another, and only probing most of them finds the nearest.\n"
    )
    return shown


def _memory_table(memory: dict[str, Any]) -> list[Any]:
    title = f"The server's process after a restart, {memory['documents']:,} vectors in use"
    shown = bench.table(title, "when|resident\nMiB|peak\nMiB|first query\ns")
    steps = {"started": "started", "exact": "after exact queries", "approximate": "after approximate ones"}
    for name, text in steps.items():
        sizes = (f"{memory[name][key] / 2**20:,.0f}" for key in ("rss_bytes", "peak_bytes"))
        first = memory.get(f"first_{name}_query_seconds")
        shown.add_row(text, *sizes, "" if first is None else f"{first:.1f}")
    return [
        shown,
        f"started in {memory['start_seconds']:.1f} s; the first queries read all vectors and build the index anew",
        f"before the restart, with all collections: peak {memory['peak_before_restart_bytes'] / 2**20:,.0f} MiB, "
        f"{memory['disk_bytes'] / 2**20:,.0f} MiB on disk",
    ]
