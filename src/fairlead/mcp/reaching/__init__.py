"""The way to the clusters: as whom, with which rights taken away, and which addresses nothing may lead to."""
