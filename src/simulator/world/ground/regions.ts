import type { Region } from './happening.js'

const at = (lat: number, lon: number) => ({ lat, lon })

/** District centres, degrees WGS 84. */
export const regions: readonly Region[] = [
  {
    city: 'Jakarta',
    offsetMin: 420,
    weekend: [5, 6],
    districts: [
      at(-6.1754, 106.8272),
      at(-6.2253, 106.8085),
      at(-6.2615, 106.8106),
      at(-6.1352, 106.8133),
      at(-6.1588, 106.9087),
      at(-6.2886, 106.7997),
      at(-6.1683, 106.7588),
      at(-6.25, 106.9),
      at(-6.3024, 106.8952),
      at(-6.2349, 106.9896),
    ],
  },
  {
    city: 'Singapore',
    offsetMin: 480,
    weekend: [5, 6],
    districts: [
      at(1.2838, 103.8511),
      at(1.3048, 103.8318),
      at(1.3329, 103.7436),
      at(1.3526, 103.9447),
      at(1.4382, 103.789),
      at(1.3691, 103.8454),
      at(1.3151, 103.7654),
      at(1.3343, 103.8563),
      at(1.2966, 103.7764),
    ],
  },
  {
    city: 'Riyadh',
    offsetMin: 180,
    weekend: [4, 5],
    districts: [
      at(24.7136, 46.6753),
      at(24.6877, 46.7219),
      at(24.7743, 46.7386),
      at(24.6408, 46.7727),
      at(24.8049, 46.6339),
      at(24.5886, 46.6166),
      at(24.8365, 46.7304),
      at(24.6653, 46.6006),
    ],
  },
  {
    city: 'Nairobi',
    offsetMin: 180,
    weekend: [5, 6],
    districts: [
      at(-1.2864, 36.8172),
      at(-1.2673, 36.8065),
      at(-1.3192, 36.8517),
      at(-1.2195, 36.886),
      at(-1.3031, 36.7073),
      at(-1.3177, 36.8986),
      at(-1.2634, 36.7446),
      at(-1.2921, 36.7819),
    ],
  },
]
