"""Training of any classifier with Lightning: the module, its data, its callbacks, its checkpoints."""
