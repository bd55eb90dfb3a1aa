"""What is done and what is not: one gate for listing and calling, plans and their confirmation, limits, audit."""
