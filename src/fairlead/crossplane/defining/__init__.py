"""What a platform offers: XRDs, compositions and the revisions of these, and what is ordered by them."""
