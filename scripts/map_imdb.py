#!/usr/bin/env python
"""Make the course's collections of the IMDb dump that was restored before: scripts/map_imdb.py [--database NAME].

workshop restore imdb_dump --database imdb
scripts/map_imdb.py --database imdb
"""

import argparse
import sys
import time

from workshop.arango import connect
from workshop.errors import WorkshopError
from workshop.films import imdb


def main() -> None:
    """Run the mapping's queries on the server."""
    parser = argparse.ArgumentParser(
        description=__doc__.splitlines()[0], epilog="ARANGO_URL, ARANGO_USER and ARANGO_PASSWORD name another server."
    )
    parser.add_argument("--database", help="the database to work in (ARANGO_DB, by default workshop)")
    arguments = parser.parse_args()
    began = time.monotonic()
    try:
        database = connect(arguments.database)
        counts = imdb.map_films(database)
    except WorkshopError as error:
        sys.exit(f"map_imdb.py: {error}")
    sizes = ", ".join(f"{count:,} {name}" for name, count in counts.items())
    print(f"database {database.name}: {sizes} in {time.monotonic() - began:.0f} s")


if __name__ == "__main__":
    main()
