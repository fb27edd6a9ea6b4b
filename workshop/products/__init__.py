"""The shop: its products, the graph of what is bought together, and both in ArangoDB."""
