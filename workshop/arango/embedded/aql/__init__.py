"""AQL, ArangoDB's query language: from text to closures over Python values."""
