"""From a shop's tables to products."""

import numpy as np
import pytest

from tests.support.products import catalogue
from workshop.errors import WorkshopError
from workshop.products.catalogue import Products, from_csv

PRODUCTS = "id,title,category\n007,Red mug,Kitchen\nNA,Blue lamp,Light\nnull,Oak table,Living\n"


PAIRS = "a,b,count\n007,NA,2\nnull,007,1\n"


def tables(folder, catalogue=PRODUCTS, pairs=PAIRS):
    paths = folder / "products.csv", folder / "co_purchases.csv"
    for path, content in zip(paths, (catalogue, pairs), strict=True):
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return from_csv(*paths)


def test_tables_become_products(tmp_path):
    made = tables(tmp_path)
    assert made.ids == ["007", "NA", "null"]
    assert made.titles == ["Red mug", "Blue lamp", "Oak table"]
    assert made.categories == ["Kitchen", "Light", "Living"] and made.ogb_categories is None
    assert made.labels.tolist() == [0, 1, 2] and made.labels.dtype == np.int64
    assert made.co_purchases.tolist() == [[0, 1], [0, 2]] and made.co_purchases.dtype == np.int64
    assert made.counts.tolist() == [2, 1] and made.counts.dtype == np.int64
    assert made.sales.tolist() == [3, 2, 1]


def test_labels_follow_the_sorted_names(tmp_path):
    made = tables(tmp_path, PRODUCTS.replace("Kitchen", "Yard"))
    assert made.categories == ["Light", "Living", "Yard"] and made.labels.tolist() == [2, 0, 1]


def test_columns_in_any_order_and_case_beside_others(tmp_path):
    made = tables(tmp_path, "Category,price, TITLE ,Id\nKitchen,1,Red mug,1\nLight,2,Lamp,2\nLight,3,Lamp,3\n", "x,y\n1,2\n")
    assert made.ids == ["1", "2", "3"] and made.titles == ["Red mug", "Lamp", "Lamp"] and made.counts.tolist() == [1]


def test_only_a_column_called_count_counts(tmp_path):
    made = tables(tmp_path, pairs="first,second,price,Count\n007,NA,9,4\n")
    assert made.counts.tolist() == [4]
    assert tables(tmp_path, pairs="first,second,price\n007,NA,9\n").counts.tolist() == [1]


def test_a_pair_again_in_either_order_adds_its_count(tmp_path):
    made = tables(tmp_path, pairs="a,b,count\nNA,007,2\n007,NA,3\nnull,NA,1\nNA,007,1\n")
    assert made.co_purchases.tolist() == [[0, 1], [1, 2]] and made.counts.tolist() == [6, 1]


@pytest.mark.parametrize("encode", [lambda text: text.encode("utf-8-sig"), lambda text: text.replace("\n", "\r\n").encode()])
def test_byte_order_mark_and_windows_lines(tmp_path, encode):
    made = tables(tmp_path, encode(PRODUCTS), encode(PAIRS))
    assert made.ids == ["007", "NA", "null"] and made.counts.tolist() == [2, 1]


def test_quoted_fields_empty_lines_and_no_last_newline(tmp_path):
    catalogue = 'id,title,category\n\n1,"Mug, ""large"",\n  blue",Kitchen\n\n2, 湯呑み茶碗 ,"Tea, 茶"\n"3,4",كوب,Kitchen'
    made = tables(tmp_path, catalogue, 'a,b\n"3,4", 2\n')
    assert made.ids == ["1", "2", "3,4"]
    assert made.titles == ['Mug, "large", blue', "湯呑み茶碗", "كوب"]
    assert made.categories == ["Kitchen", "Tea, 茶"] and made.co_purchases.tolist() == [[1, 2]]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("", "products.csv is empty"),
        ("\n\n", "products.csv is empty"),
        ("id,title,category\n", "a header and nothing else"),
        ("id,name,category\n1,a,b\n", "lacks title, or has it twice"),
        ("id;title;category\n1;a;b\n", "lacks id, title, category.* commas"),
        ("id,title,category,ID\n1,a,b,2\n", "lacks id, or has it twice"),
        (PRODUCTS + "4, ,Light\n", "line 5: the title is missing"),
        (PRODUCTS + "4,Lamp,\n", "line 5: the category is missing"),
        (PRODUCTS + ",Lamp,Light\n", "line 5: the id is missing"),
        (PRODUCTS + "NA,Lamp,Light\n", "line 5: the id 'NA' is there already, in line 3"),
        (PRODUCTS + "4,Lamp, large,Light\n", "line 5: 4 field.s. where the header has 3"),
        (PRODUCTS + "4\n", "line 5: 1 field.s. where the header has 3"),
        (PRODUCTS + '4,"Lamp,Light\n5,Mug,Kitchen\n', "line 5: .*quote"),
        (PRODUCTS + '4,"La"mp,Light\n', "line 5: .*quote"),
        (PRODUCTS.encode() + b"4,Caf\xe9,Light\n", "line 5: this is not UTF-8"),
        (PRODUCTS.encode("utf-16"), "line 1: this is not UTF-8"),
        (PRODUCTS + "4,La\0mp,Light\n", "line 5: there is a NUL byte"),
        ("id,title,category\n1,a,A\n2,b,B\n", "2 product.s. is too small: .* at least 3"),
        ("id,title,category\n1,a,A\n2,b,A\n3,c,A\n", "all products are of the category 'A'"),
    ],
)
def test_faults_of_a_catalogue(tmp_path, content, told):
    with pytest.raises(WorkshopError, match=f"(?s)products.csv.*{told}|{told}"):
        tables(tmp_path, content)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("", "co_purchases.csv is empty"),
        ("a,b\n", "a header and nothing else"),
        ("a\n1\n", "1 column"),
        ("007,NA\nnull,NA\n", "line 1: these are ids"),
        ("a,b\n007,8\n", "line 2: the id '8' is not in .*products.csv"),
        ("a,b\n7,NA\n", "line 2: the id '7' is not in .*products.csv"),
        ("a,b\n007,\n", "line 2: an id is missing"),
        ("a,b\nNA,NA\n", "line 2: 'NA' is bought together with itself"),
        ("a,b,count\n007,NA,0\n", "line 2: the count '0' is no whole number"),
        ("a,b,count\n007,NA,-1\n", "line 2: the count '-1'"),
        ("a,b,count\n007,NA,1.5\n", "line 2: the count '1.5'"),
        ("a,b,count\n007,NA,\n", "line 2: the count ''"),
        ("a,b,count\n007,NA,²\n", "line 2: the count '²'"),
        ("a,b,count\n007,NA,99999999999999999999\n", "line 2: the count"),
        ("a,b,count\n007,NA\n", "line 2: 2 field.s. where the header has 3"),
        (b"a,b\n007,\xff\n", "line 2: this is not UTF-8"),
    ],
)
def test_faults_of_co_purchases(tmp_path, content, told):
    with pytest.raises(WorkshopError, match=told) as error:
        tables(tmp_path, pairs=content)
    assert "co_purchases.csv" in str(error.value)


def test_the_first_faults_are_told_and_the_others_counted(tmp_path):
    with pytest.raises(WorkshopError, match="has 8 fault") as error:
        tables(tmp_path, pairs="a,b\n" + "".join(f"007,x{number}\n" for number in range(8)))
    lines = str(error.value).splitlines()
    assert [line.split(":")[0].strip() for line in lines[1:6]] == [f"line {number}" for number in range(2, 7)]
    assert lines[6].strip() == "… and 3 more" and len(lines) == 7


def test_files_that_cannot_be_read(tmp_path):
    with pytest.raises(WorkshopError, match="missing.csv: No such file"):
        from_csv(tmp_path / "missing.csv", tmp_path / "missing.csv")
    with pytest.raises(WorkshopError, match="Is a directory"):
        from_csv(tmp_path, tmp_path)


def test_products_without_pairs():
    made = catalogue()
    with pytest.raises(WorkshopError, match="no two products"):
        Products(made.ids, made.titles, made.labels, made.categories, None, made.co_purchases[:0], made.counts[:0])
