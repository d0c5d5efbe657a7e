"""What the generated pages of docs/reference/ say: one module per page, its words beside it in YAML."""
