import type { Feature } from '../../features/feature.js'

/** The span of history that a feature reads, ms; 0 for features that read only the event. */
export function horizonMs(feature: Feature): number {
  if ('windowMs' in feature) return feature.windowMs
  return 'horizonMs' in feature ? feature.horizonMs : 0
}

/** The longest horizon. The log must keep at least this span, or a replay computes other values. */
export const longestHorizonMs = (features: readonly { readonly feature: Feature }[]): number =>
  features.reduce((longest, { feature }) => Math.max(longest, horizonMs(feature)), 0)
