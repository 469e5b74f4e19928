/** The spread of samples of one quantity, in the unit of the samples. */
export interface Spread {
  readonly n: number
  readonly min: number
  readonly p50: number
  readonly p90: number
  readonly p99: number
  readonly max: number
}

/** Describes the samples. Throws if there are none, because a figure without samples would look like a measured one. */
export function spread(samples: readonly number[]): Spread {
  const sorted = samples.toSorted((a, b) => a - b)
  return {
    n: sorted.length,
    min: quantile(sorted, 0),
    p50: quantile(sorted, 0.5),
    p90: quantile(sorted, 0.9),
    p99: quantile(sorted, 0.99),
    max: quantile(sorted, 1),
  }
}

/** The median of the samples, by the same rule as `spread`. */
export const median = (samples: readonly number[]): number => spread(samples).p50

/** Interpolates between two samples, as most tools do (type 7 of Hyndman and Fan). */
function quantile(sorted: readonly number[], share: number): number {
  const place = (sorted.length - 1) * share
  const below = sorted[Math.floor(place)]
  const above = sorted[Math.ceil(place)]
  if (below === undefined || above === undefined) throw new Error('there are no samples to describe')
  return below + (above - below) * (place - Math.floor(place))
}

/** What was measured at one size. */
export interface Point {
  readonly size: number
  readonly value: number
}

/**
 * The exponent of the power of the size that fits the values best: 0 if they do not grow, 1 if twice the size costs twice as
 * much, 2 if it costs four times as much. The fit is by least squares on the logarithms, so each size counts the same. Throws
 * for fewer than two different sizes, and for a size or value that is not positive.
 */
export function growthExponent(points: readonly Point[]): number {
  const logs = points.map(({ size, value }) => ({ x: logarithm(size), y: logarithm(value) }))
  const mean = (of: (log: { x: number; y: number }) => number): number =>
    logs.reduce((sum, log) => sum + of(log), 0) / logs.length
  const [x, y] = [mean((log) => log.x), mean((log) => log.y)]
  const spreadOfSizes = mean((log) => (log.x - x) ** 2)
  if (!(spreadOfSizes > 0)) throw new Error('growth needs two different sizes')
  return mean((log) => (log.x - x) * (log.y - y)) / spreadOfSizes
}

function logarithm(value: number): number {
  if (!(value > 0)) throw new Error(`${value} has no logarithm`)
  return Math.log(value)
}
