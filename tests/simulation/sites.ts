/* Finds the function of src/control that made a call, from the stack. */

const FRAME = /at (?:async )?(?:(\S+) )?\(?\S*\/src\/control\/(?:[a-z-]+\/)?([a-z-]+)\.ts/

/** Returns for example `launcher.#try`, or `?` if no function of src/control is on the stack. */
export function callingSite(here: Error = new Error()): string {
  const frame = FRAME.exec(here.stack ?? '')
  if (frame === null) return '?'
  const [, name = '(anonymous)', file] = frame
  return `${file}.${name}`
}

/**
 * Every await of the production code on the container engine, with a factor for how often faults happen there. Rare calls
 * need a higher factor, so that every fault occurs there.
 */
export const AWAITS: Readonly<Record<string, number>> = {
  'cache-cleaner.#clean:exec': 3,
  'own-containers.#list:list': 4,
  'own-containers.show:inspect': 4,
  'generic.#others:list': 4,
  'generic.#create:create': 4,
  'generic.#start:start': 6,
  'generic.#start:destroy': 12,
  'failure-reports.#logOf:logs': 4,
  'host-watch.#list:hosts': 0.5,
  'host-watch.#listen:watchHosts': 2,
  'image-pull.run:pull': 4,
  'image-watch.#checkPlatform:host': 4,
  'image-watch.#find:image': 0.2,
  'launcher.#unrunnable:ping': 8,
  'launcher.#remove:destroy': 6,
  'launcher.#try:create': 1,
  'launcher.#try:start': 1,
  'listeners.listenersOf:exec': 2,
  'observer.#ask:ping': 0.05,
  'observer.#watchEvents:events': 2,
  'remover.#removeEngine:destroy': 16,
  'remover.remove:list': 8,
  'remover.remove:destroy': 12,
  'repairs.#halt:stop': 6,
  'repairs.#isNodeAsKnown:inspect': 2,
  'repairs.#recreate:destroy': 4,
  'repairs.#restart:stop': 4,
  'repairs.#startAgain:start': 4,
  'repairs.repair:inspect': 1,
  'checked-removal.removeAsSeen:destroy': 2,
  'checked-removal.removeAsSeen:discard': 4,
  'checked-removal.removeAsSeen:inspect': 8,
  'container-sync.#lookInPass:ping': 10,
  'container-sync.fullPass:list': 1,
  'container-sync.#see:inspect': 1,
  'container-sync.#see:ping': 4,
  'rights-watch.#ask:forbidden': 4,
  'start-summary.#version:host': 4,
  'adopted-viewers.#read:traffic': 12,
  'usage-watch.#ask:usage': 0.2,
  'viewer-questions.#ask:exec': 1,
  'viewer-questions.#ask:traffic': 2,
}

/** Where engines run: on a Docker host, behind a VPN there, or in a swarm. */
export type Surroundings = 'docker' | 'vpn' | 'swarm'

const ONLY_BEHIND_VPN = /^repairs\.(?:#halt|#isNodeAsKnown|#recreate|#restart):/
const ONLY_IN_SWARM = /^host-watch\./
const NOT_IN_SWARM =
  /^(?:adopted-viewers|cache-cleaner|generic|image-pull|listeners|usage-watch|viewer-questions)\./

/** How often an await is chosen in these surroundings; never where it is not reached. What only they have is chosen more often. */
export function weightIn(surroundings: Surroundings, site: string, weight: number): number {
  if (ONLY_BEHIND_VPN.test(site)) return surroundings === 'vpn' ? 2 * weight : 0
  if (ONLY_IN_SWARM.test(site)) return surroundings === 'swarm' ? weight : 0
  return surroundings === 'swarm' && NOT_IN_SWARM.test(site) ? 0 : weight
}

/** Places where the production code lets the simulation stop it. */
export const CHECKPOINTS = ['after_tx1', 'after_create', 'after_start', 'before_reply'] as const

/** Places around a commit of several reports of streams. They are checkpoints of the simulated database. */
export const SHARED_COMMITS = ['before_shared_commit', 'after_shared_commit'] as const
