"""Moving slots to another node while both serve: see docs/migration.md."""
