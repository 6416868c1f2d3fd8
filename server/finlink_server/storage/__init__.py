"""The database: how it is opened, what stands in it, how it came to be."""
