import { CONTAINERS, INSTALLATIONS } from './faults/containers.ts'
import { DOORS, FEED, WORK } from './faults/doors.ts'
import { HOSTS } from './faults/hosts.ts'
import type { Mutation } from './faults/mutation.ts'
import { PLAN } from './faults/plan.ts'
import { BREAKER, PROVISIONING } from './faults/provisioning.ts'
import { PROXIES } from './faults/proxies.ts'
import { STORAGE, STREAMS } from './faults/store.ts'
import { VIEWERS } from './faults/viewers.ts'
import { OUTSIDE_VPN, VPN_NODES } from './faults/vpn.ts'
import { type Fit, fitsIn, readSource, type Source } from './pattern.ts'

export type { Mutation }

/** The faults that would break a promise or an invariant. The tests or the simulation must notice each of them. */
export const MUTATIONS: readonly Mutation[] = [
  ...PROVISIONING,
  ...BREAKER,
  ...CONTAINERS,
  ...INSTALLATIONS,
  ...VIEWERS,
  ...PROXIES,
  ...OUTSIDE_VPN,
  ...VPN_NODES,
  ...HOSTS,
  ...PLAN,
  ...STORAGE,
  ...STREAMS,
  ...DOORS,
  ...FEED,
  ...WORK,
]

/** The sources that are mutated: all files of `src` below the folder `root`, each with its path from there. */
export async function sourcesIn(root: string): Promise<readonly Source[]> {
  const files = [...new Bun.Glob('src/**/*.ts').scanSync({ cwd: root })].sort()
  return await Promise.all(
    files.map(async (file) => readSource(file, await Bun.file(`${root}/${file}`).text())),
  )
}

/** The one place that a mutation changes. Throws with the list of places if there is none or more than one. */
export function placeOf({ name, from, within }: Mutation, sources: readonly Source[]): Fit {
  const folder = within === undefined ? 'src/' : `src/${within}/`
  const fits = sources.filter(({ file }) => file.startsWith(folder)).flatMap((source) => fitsIn(source, from))
  const [fit] = fits
  if (fit === undefined || fits.length > 1) {
    const places = fits.map(
      ({ source, start }) => `${source.file}:${source.text.slice(0, start).split('\n').length}`,
    )
    throw new Error(`${name}: fits ${fits.length} places in ${folder} ${places.join(' ')}`)
  }
  return fit
}
