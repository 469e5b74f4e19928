import { type ContainerState, type Engine, isLive } from '../types.ts'

/** Where a row and a container that belong together, or should, stand. */
export interface Pair {
  /** The row, also one that is history; null when no row knows the container. */
  readonly engine: Pick<Engine, 'status' | 'removalRequestedAt' | 'containerId'> | null
  /** Null when the container engine, asked just now, does not have it. */
  readonly container: {
    readonly id: string
    readonly state: ContainerState
    readonly isEngine: boolean
    readonly isOurGeneric: boolean
    /** It has all that an engine needs to be taken over. */
    readonly isUsable: boolean
    /** It belongs to another installation. */
    readonly isOthers: boolean
    /** It was found by a new database, which takes over what runs then. */
    readonly isLeftToUs: boolean
    /** So new that whoever made it may still be about to start it. */
    readonly isYoung: boolean
  } | null
  /** This process is creating or removing the container right now. */
  readonly inHand: boolean
}

export type SyncStep =
  /** As it should be, or somebody is at it. */
  | { readonly kind: 'leave' }
  /** A container that nothing needs, and that is too new to be removed: look again when it is not. */
  | { readonly kind: 'wait' }
  /** A live engine with its container: note what is seen. */
  | { readonly kind: 'observe' }
  /** A running engine that no row knows: take it over. */
  | { readonly kind: 'adopt' }
  /** A container that nothing needs: remove it. */
  | { readonly kind: 'reap'; readonly reason: string }
  /** A provision that was cut off after the start: complete it. */
  | { readonly kind: 'finish' }
  /** A provision that was cut off earlier, or whose container died: remove what is there, fail the row. */
  | { readonly kind: 'undo'; readonly reason: string }
  /** Its removal was asked for and not finished. */
  | { readonly kind: 'remove' }
  /** The container is no more. */
  | { readonly kind: 'gone'; readonly reason: string }

/**
 * How long a container that nothing seems to need is left alone after it was made. Tools that make one anew (watchtower,
 * Portainer) start theirs within seconds, and other programs with our labels theirs, too.
 */
const YOUNG_MS = 60_000

/**
 * Until when a container is new, from the time at which the container engine says it was made and the time at which we first
 * saw it: with a container engine whose clock is ahead of ours the second bounds the wait.
 */
export const youngUntilMs = (createdAtMs: number, firstSeenMs: number): number =>
  Math.min(createdAtMs, firstSeenMs) + YOUNG_MS

const NEVER_STARTED = new Set<ContainerState>(['created'])
const STOPPED = new Set<ContainerState>(['exited', 'dead', 'removing'])

const neverStarted = ({ container }: Pair): boolean =>
  container !== null && NEVER_STARTED.has(container.state)
const stopped = ({ container }: Pair): boolean => container !== null && STOPPED.has(container.state)
/** Or is about to, or paused. */
const runs = (pair: Pair): boolean => pair.container !== null && !neverStarted(pair) && !stopped(pair)
const isOthers = ({ container }: Pair): boolean => container?.isOthers === true
const isHistory = ({ engine }: Pair): boolean => engine !== null && !isLive(engine)
/** It carries the label of an engine that had another container: somebody made it with the labels of that one. */
const isCopy = ({ engine, container }: Pair): boolean =>
  engine !== null && engine.containerId !== null && engine.containerId !== container?.id

/** What an engine was to have that is history by now: this installation had it made, and nobody is about to start it. */
const isLate = (pair: Pair): boolean => isHistory(pair) && !isCopy(pair) && neverStarted(pair)

/** Read top to bottom, the first that holds decides. */
const RULES: readonly { readonly when: (pair: Pair) => boolean; readonly outcome: SyncStep }[] = [
  { when: ({ inHand }) => inHand, outcome: { kind: 'leave' } },
  {
    when: (pair) => isOthers(pair) && pair.container?.isLeftToUs === true && runs(pair),
    outcome: { kind: 'adopt' },
  },
  // Whatever it looks like: somebody else knows what it is for.
  { when: isOthers, outcome: { kind: 'leave' } },
  // Containers of the generic provision are no engines; only one that a crash left half made is cleared away.
  {
    when: (pair) => pair.engine === null && pair.container?.isOurGeneric === true && neverStarted(pair),
    outcome: { kind: 'reap', reason: 'created and never started' },
  },
  {
    when: ({ engine, container }) => engine === null && container?.isEngine !== true,
    outcome: { kind: 'leave' },
  },
  {
    when: (pair) => pair.engine === null && neverStarted(pair),
    outcome: { kind: 'reap', reason: 'created and never started' },
  },
  {
    when: (pair) => pair.engine === null && stopped(pair),
    outcome: { kind: 'reap', reason: 'stopped, and no row knows it' },
  },
  { when: ({ engine }) => engine === null, outcome: { kind: 'adopt' } },
  { when: (pair) => isHistory(pair) && pair.container === null, outcome: { kind: 'leave' } },
  // Its own container is a stray, and so is one of an engine that never got any: dockerd was late with it.
  { when: (pair) => isHistory(pair) && isCopy(pair) && runs(pair), outcome: { kind: 'adopt' } },
  { when: isHistory, outcome: { kind: 'reap', reason: 'its engine is history' } },
  {
    when: ({ engine, container }) => engine?.status === 'provisioning' && container === null,
    outcome: { kind: 'undo', reason: 'the provision was cut off before its container was made' },
  },
  {
    when: (pair) => pair.engine?.status === 'provisioning' && neverStarted(pair),
    outcome: { kind: 'undo', reason: 'the provision was cut off before its container was started' },
  },
  {
    when: (pair) => pair.engine?.status === 'provisioning' && stopped(pair),
    outcome: { kind: 'undo', reason: 'its container stopped while the provision was cut off' },
  },
  { when: ({ engine }) => engine?.status === 'provisioning', outcome: { kind: 'finish' } },
  {
    when: ({ container }) => container === null,
    outcome: { kind: 'gone', reason: 'its container was removed' },
  },
  { when: ({ engine }) => engine?.removalRequestedAt != null, outcome: { kind: 'remove' } },
]

/**
 * Decides what becomes of a container and its row, whatever crashed before and at whatever point. Applied again to what
 * its own outcome leaves, it finds nothing more to do.
 */
export function syncStep(pair: Pair): SyncStep {
  const outcome = RULES.find(({ when }) => when(pair))?.outcome ?? { kind: 'observe' }
  // Nobody could ever be sent there.
  if (outcome.kind === 'adopt' && pair.container?.isUsable !== true) return { kind: 'leave' }
  const isAwaited = pair.container?.isYoung === true && !isLate(pair)
  return outcome.kind === 'reap' && isAwaited ? { kind: 'wait' } : outcome
}

/** Whether it takes the container away, which nothing brings back. */
export const isRemoval = ({ kind }: SyncStep): boolean =>
  kind === 'reap' || kind === 'undo' || kind === 'remove'

/** Whether the container stands still, as far as this look went; then only a removal that a running one refuses is right. */
export const standsStill = (state: ContainerState): boolean => NEVER_STARTED.has(state) || STOPPED.has(state)
