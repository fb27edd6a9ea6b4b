"""arangodump folders: what is read, what is refused, and what a restore does to a database."""

import gzip
import json

import pytest

from tests.support.dumps import animals, data, dump, put, structure
from workshop.arango.dump.format import BrokenFile, hashed, read, write
from workshop.errors import WorkshopError

HASHED = hashed("animals")


def _only(folder):
    (part,) = read(folder).parts
    return part


def _documents(part):
    return [document for _, document, _ in part.operations()]


@pytest.mark.parametrize(
    "name", [f"{HASHED}.data.json", f"{HASHED}.data.json.gz", "animals.data.json", "animals.data.json.gz"]
)
@pytest.mark.parametrize("stem", [HASHED, "animals"])
@pytest.mark.parametrize("envelope", [False, True])
def test_data_files_of_every_form_are_read(tmp_path, name, stem, envelope):
    folder = dump(tmp_path / "zoo", envelope=not envelope)  # dump.json's word is not what decides
    structure(folder, "animals", stem=stem)
    data(folder, name, [put(document) if envelope else document for document in animals(3)])
    part = _only(folder)
    assert part.name == "animals" and part.kind == "documents"
    assert _documents(part) == animals(3)
    assert part.check().count == 3


def test_files_of_a_split_dump_are_read_in_the_order_of_their_numbers(tmp_path):
    folder = dump(tmp_path / "zoo")
    structure(folder, "animals")
    for number in (10, 2, 0):
        data(folder, f"{HASHED}.{number}.data.json.gz", animals(2, start=number))
    assert [document["n"] for document in _documents(_only(folder))] == [0, 1, 2, 3, 10, 11]


def test_removals_are_applied_and_empty_lines_ignored(tmp_path):
    folder = dump(tmp_path / "zoo", envelope=True)
    structure(folder, "animals")
    one, two, three = animals(3)
    gone = [{"type": 2302, "data": {"_key": "a1"}}, {"type": 2302, "key": "a2"}]
    data(folder, f"{HASHED}.data.json", [put(one), b"", put(two), put(three), b"  ", *gone, put(three)])
    contents = _only(folder).check()
    assert contents.count == 2 and contents.removed == {"a1"}


def test_the_same_key_twice_is_one_document(tmp_path):
    folder = dump(tmp_path / "zoo")
    structure(folder, "animals")
    data(folder, f"{HASHED}.data.json", [*animals(3), *animals(2)])
    assert _only(folder).check().count == 3


def test_an_envelope_is_told_from_a_document_with_type_and_data(tmp_path):
    folder = dump(tmp_path / "zoo", envelope=True)
    structure(folder, "animals")
    document = {"_key": "a", "type": 2300, "data": {"_key": "b"}}
    data(folder, f"{HASHED}.data.json", [document])
    assert _documents(_only(folder)) == [document]


def test_views_system_collections_and_stray_files_are_noted(tmp_path):
    folder = dump(tmp_path / "zoo")
    structure(folder, "animals")
    structure(folder, "_analyzers")
    (folder / "zooView.view.json").write_text("{}")
    data(folder, "strays_00.data.json", [])
    found = read(folder)
    assert [part.name for part in found.parts] == ["animals"]
    assert found.parts[0].check().count == 0
    text = "\n".join(found.notes)
    for word in ("view zooView", "collection _analyzers", "strays_00.data.json", "animals has no data file"):
        assert word in text


def test_documents_come_before_edges_and_those_before_named_graphs(tmp_path):
    folder = dump(tmp_path / "zoo")
    structure(folder, "b_edges", type=3)
    structure(folder, "z")
    structure(folder, "a_edges", type=3)
    structure(folder, "_graphs")
    assert [(part.name, part.kind) for part in read(folder).parts] == [
        ("z", "documents"),
        ("a_edges", "edges"),
        ("b_edges", "edges"),
        ("_graphs", "graphs"),
    ]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (b'{"_key": "x", ', "line 2: not JSON"),
        (b'{"_key": "\xe4"}', "line 2: not UTF-8 at byte 11"),
        (b"[1, 2]", "line 2: not a JSON object"),
        (b'{"n": 1}', "line 2: no _key"),
        (b'{"_key": 7}', "line 2: no _key"),
        (b'{"_key": "a b"}', "line 2: 'a b' cannot be a _key"),
    ],
)
def test_a_broken_line_is_named_with_file_and_number(tmp_path, line, words):
    folder = dump(tmp_path / "zoo")
    structure(folder, "animals")
    data(folder, "animals.data.json.gz", [*animals(1), line])
    with pytest.raises(BrokenFile, match="animals.data.json.gz, " + words):
        _only(folder).check()


@pytest.mark.parametrize(
    "line", [put({"n": 1}), {"type": 2300}, {"type": 2300, "key": "x"}, {"type": 9, "data": {"_key": "x"}}]
)
def test_a_broken_envelope_is_named(tmp_path, line):
    folder = dump(tmp_path / "zoo")
    structure(folder, "animals")
    data(folder, "animals.data.json", [put(animals(1)[0]), line])
    with pytest.raises(BrokenFile, match="animals.data.json, line 2"):
        _only(folder).check()


@pytest.mark.parametrize(
    "edge", [{"_key": "e"}, {"_key": "e", "_from": "a/1", "_to": 3}, {"_key": "e", "_from": "a", "_to": "a/1"}]
)
def test_an_edge_needs_both_ends(tmp_path, edge):
    folder = dump(tmp_path / "zoo")
    structure(folder, "eats", type=3)
    data(folder, "eats.data.json", [edge])
    with pytest.raises(BrokenFile, match="eats.data.json, line 1: an edge without a _"):
        _only(folder).check()


def test_a_truncated_file_is_named(tmp_path):
    folder = dump(tmp_path / "zoo")
    structure(folder, "animals")
    path = data(folder, "animals.data.json.gz", animals(2_000))
    path.write_bytes(path.read_bytes()[:4_000])
    with pytest.raises(BrokenFile, match=r"animals.data.json.gz is truncated: the compressed data end after line \d+"):
        _only(folder).check()
    path.write_bytes(b"version https://git-lfs.github.com/spec/v1\n")
    with pytest.raises(BrokenFile, match="animals.data.json.gz is damaged after line 0"):
        _only(folder).check()


def test_a_broken_description_concerns_its_collection_alone(tmp_path):
    folder = dump(tmp_path / "zoo")
    structure(folder, "animals")
    (folder / "plants.structure.json").write_text("{")
    structure(folder, "stones", type=7)
    parts = {part.name: part for part in read(folder).parts}
    assert parts["animals"].check().count == 0
    for name, words in (("plants", "plants.structure.json cannot be read"), ("stones", "type 7 is neither")):
        with pytest.raises(BrokenFile, match=words):
            parts[name].check()


def test_velocypack_is_refused(tmp_path):
    folder = dump(tmp_path / "zoo")
    structure(folder, "animals")
    data(folder, f"{HASHED}.data.vpack.gz", [])
    with pytest.raises(BrokenFile, match="VelocyPack"):
        _only(folder).check()


def test_folders_that_are_no_dump_are_refused(tmp_path):
    with pytest.raises(WorkshopError, match="is not a folder"):
        read(tmp_path / "nowhere")
    with pytest.raises(WorkshopError, match="holds no arangodump"):
        read(tmp_path)
    dump(tmp_path / "all" / "zoo")
    with pytest.raises(WorkshopError, match="a dump for each database, name one of zoo"):
        read(tmp_path / "all")
    with pytest.raises(WorkshopError, match=r"is encrypted \(aes-256-ctr\)"):
        read(dump(tmp_path / "secret", encryption="aes-256-ctr"))
    assert read(dump(tmp_path / "old", encryption=None)).parts == []


def test_what_is_written_is_read_again_and_always_the_same(tmp_path):
    eats = [{"_key": "e", "_from": "animals/a0", "_to": "animals/a1", "since": None}]
    made = {"animals": (2, [{"_key": "a0", "name": "Löwe", "emb": [0.1, -1.0]}, {"_key": "a1"}]), "eats": (3, eats)}
    for folder in ("one", "two"):
        write(tmp_path / folder, "zoo", made)
    files = sorted(path.name for path in (tmp_path / "one").iterdir())
    assert all((tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes() for name in files)
    assert files == sorted(
        ["ENCRYPTION", "dump.json"]
        + [f"{hashed(name)}.{kind}" for name in made for kind in ("structure.json", "data.json.gz")]
    )
    parts = {part.name: part for part in read(tmp_path / "one").parts}
    assert list(parts) == ["animals", "eats"] and parts["eats"].kind == "edges"
    lines = gzip.decompress((tmp_path / "one" / f"{HASHED}.data.json.gz").read_bytes()).splitlines()
    first = json.loads(lines[0])
    assert list(first) == ["_key", "_id", "_rev", "name", "emb"] and first["_id"] == "animals/a0"
    assert {key: first[key] for key in ("name", "emb")} == {"name": "Löwe", "emb": [0.1, -1.0]}
    (edge,) = _documents(parts["eats"])
    assert list(edge) == ["_key", "_id", "_from", "_to", "_rev", "since"]
