"""Why something is not well, and what would go with it: rules, circumstances, and the words for people."""
