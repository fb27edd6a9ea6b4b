"""A server that speaks ArangoDB's HTTP API and AQL, with its data in SQLite: ArangoDB where there is no ArangoDB.

The behaviour is that of release 3.12. What is not implemented answers 501 and says so.
"""
