/**
 * What to multiply gradients with so that their joint length is at most `max`: min(1, max / (norm + 1e-6)), as
 * torch.nn.utils.clip_grad_norm_. `max` 0 clips nothing.
 */
export const clipScale = (norm: number, max: number): number => (max > 0 ? Math.min(1, max / (norm + 1e-6)) : 1)
