"""New products that a lesson puts into the shared store: one for each kernel, and what they changed is put back.

A product that arrives bears the name of its kernel. Its partners are embedded anew, with their earlier vector beside the
new one in `vector_before` until the last arrival is gone.
"""

from arango.database import StandardDatabase

from workshop.products.store import GRAPH, PRODUCTS
from workshop.triton import own

ARRIVED = f"FOR product IN {PRODUCTS} FILTER product.kernel != null RETURN [product._key, product.kernel]"
PUT_BACK = f"""
FOR product IN {PRODUCTS}
  FILTER product.vector_before != null
  UPDATE product WITH {{ predicted_node_embeddings: product.vector_before, vector_before: null }}
    IN {PRODUCTS} OPTIONS {{ keepNull: false }}
"""
RESERVE = f"INSERT {{ _key: @key, kernel: @kernel }} INTO {PRODUCTS} OPTIONS {{ overwriteMode: 'ignore' }}"


def clear(db: StandardDatabase) -> None:
    """Remove this kernel's new product, and those that ended kernels left; partners get their vectors back.

    A line is printed for each product of another kernel: it was removed, or it is still there and may be seen.
    """
    products = db.graph(GRAPH).vertex_collection(PRODUCTS)
    others = False
    for key, kernel in list(db.aql.execute(ARRIVED)):
        mine = kernel == own.name("kernel")
        if mine or own.abandoned(kernel):
            products.delete(key, ignore_missing=True)
            if not mine:
                print(f"{key}, left in the store by a kernel that has ended, was removed.")
        else:
            others = True
            print(f"{key} is in the store too, from another kernel: lists may show it, and figures may differ a little.")
    if not others:
        db.aql.execute(PUT_BACK)


def reserve(db: StandardDatabase, key: str) -> str:
    """The key of this kernel's new product, which stands in the store then: `key`, or `key-2`, … where others have that."""
    number = 1
    while True:
        wanted = key if number == 1 else f"{key}-{number}"
        db.aql.execute(RESERVE, bind_vars={"key": wanted, "kernel": own.name("kernel")})
        if db.collection(PRODUCTS).get(wanted)["kernel"] == own.name("kernel"):
            return wanted
        number += 1
