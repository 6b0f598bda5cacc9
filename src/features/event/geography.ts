const radians = Math.PI / 180
/** Mean radius of the earth (IUGG). */
const earthKm = 6371.0088

/** Great-circle distance by the haversine formula, in km; NaN where a coordinate is. */
export function kilometres(lat: number, lon: number, lat2: number, lon2: number): number {
  const a = lat * radians
  const b = lat2 * radians
  const x = Math.sin((b - a) / 2)
  const y = Math.sin(((lon2 - lon) * radians) / 2)
  return 2 * earthKm * Math.asin(Math.min(1, Math.sqrt(x * x + Math.cos(a) * Math.cos(b) * y * y)))
}
