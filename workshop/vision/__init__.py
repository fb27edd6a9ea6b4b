"""Pictures: reading text in them."""
