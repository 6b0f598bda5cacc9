import type { Feature } from '../../features/feature.js'

/** How far back a feature looks, ms; 0 for those of the event alone. */
export function horizonMs(feature: Feature): number {
  if ('windowMs' in feature) return feature.windowMs
  return 'horizonMs' in feature ? feature.horizonMs : 0
}

/** The longest of them: the log must hold it, or a replay gives other numbers. */
export const longestHorizonMs = (features: readonly { readonly feature: Feature }[]): number =>
  features.reduce((longest, { feature }) => Math.max(longest, horizonMs(feature)), 0)
