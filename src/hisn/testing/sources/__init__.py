"""Write the logs of the county's systems: one module per source, each with its background."""
