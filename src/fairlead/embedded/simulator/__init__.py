"""The Crossplane simulator: what gives the control plane of the playground its life, and the worlds to load into it."""
