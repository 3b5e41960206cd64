"""StyleGAN2 checkpoints of other projects."""
