import { type ContainerState, type Engine, isLive } from '../types.ts'

/** A row and a container that belong together, or may belong together. */
export interface Pair {
  /** The row, even if it is history; null if no row knows the container. */
  readonly engine: Pick<Engine, 'status' | 'removalRequestedAt' | 'containerId'> | null
  /** Null if the container engine, asked just now, has no such container. */
  readonly container: {
    readonly id: string
    readonly state: ContainerState
    readonly isEngine: boolean
    readonly isOurGeneric: boolean
    /** The container has everything that Roundhouse needs to adopt it as an engine. */
    readonly isUsable: boolean
    /** The container belongs to another installation. */
    readonly isOthers: boolean
    /** A new database found the container at its first start; a new database adopts the containers that run then. */
    readonly isLeftToUs: boolean
    /** The container is so new that its maker may still be about to start it. */
    readonly isYoung: boolean
  } | null
  /** This process is creating or removing the container right now. */
  readonly inHand: boolean
}

export type SyncStep =
  /** Nothing is wrong, or another part is working on the container: do nothing. */
  | { readonly kind: 'leave' }
  /** Nothing needs the container, but it is too new to be removed: look again when it is old enough. */
  | { readonly kind: 'wait' }
  /** A live engine with its container: store what was observed. */
  | { readonly kind: 'observe' }
  /** A running engine that no row knows: adopt it. */
  | { readonly kind: 'adopt' }
  /** A container that nothing needs: remove it. */
  | { readonly kind: 'reap'; readonly reason: string }
  /** A provision that was cut off after the container was started: complete it. */
  | { readonly kind: 'finish' }
  /** A provision that was cut off before the start, or whose container stopped: remove what exists and fail the row. */
  | { readonly kind: 'undo'; readonly reason: string }
  /** The removal was requested and is not finished: remove the container. */
  | { readonly kind: 'remove' }
  /** The container no longer exists. */
  | { readonly kind: 'gone'; readonly reason: string }

/**
 * How long a container that nothing seems to need is left alone after it was created. Tools that recreate a container
 * (watchtower, Portainer) start the new one within seconds, and so do other programs that use our labels.
 */
const YOUNG_MS = 60_000

/**
 * Until when a container counts as new, in epoch milliseconds. `createdAtMs` comes from the container engine, `firstSeenMs`
 * from us. If the clock of the container engine is ahead of ours, `firstSeenMs` limits the wait.
 */
export const youngUntilMs = (createdAtMs: number, firstSeenMs: number): number =>
  Math.min(createdAtMs, firstSeenMs) + YOUNG_MS

const NEVER_STARTED = new Set<ContainerState>(['created'])
const STOPPED = new Set<ContainerState>(['exited', 'dead', 'removing'])

const neverStarted = ({ container }: Pair): boolean =>
  container !== null && NEVER_STARTED.has(container.state)
const stopped = ({ container }: Pair): boolean => container !== null && STOPPED.has(container.state)
/** The container runs, is about to run, or is paused. */
const runs = (pair: Pair): boolean => pair.container !== null && !neverStarted(pair) && !stopped(pair)
const isOthers = ({ container }: Pair): boolean => container?.isOthers === true
const isHistory = ({ engine }: Pair): boolean => engine !== null && !isLive(engine)
/** The container carries the label of an engine that has another container: somebody copied that engine's labels. */
const isCopy = ({ engine, container }: Pair): boolean =>
  engine !== null && engine.containerId !== null && engine.containerId !== container?.id

/**
 * A container that was created for an engine that is history by now, and was never started. This installation requested it,
 * so nobody is about to start it.
 */
const isLate = (pair: Pair): boolean => isHistory(pair) && !isCopy(pair) && neverStarted(pair)

/** The rules are read from top to bottom; the first one that holds decides. */
const RULES: readonly { readonly when: (pair: Pair) => boolean; readonly outcome: SyncStep }[] = [
  { when: ({ inHand }) => inHand, outcome: { kind: 'leave' } },
  {
    when: (pair) => isOthers(pair) && pair.container?.isLeftToUs === true && runs(pair),
    outcome: { kind: 'adopt' },
  },
  // The state does not matter: the other installation knows what the container is for.
  { when: isOthers, outcome: { kind: 'leave' } },
  // Containers of the generic provision are no engines. Only one that a crash left unstarted is removed.
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
  // A running copy becomes an engine of its own. The engine's own container is a leftover and is removed, also if the row
  // never got a container id because dockerd created the container late.
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
 * Decides what to do about a container and its row, after a crash at any point. The decision is idempotent: applied to its
 * own result, it finds nothing more to do.
 */
export function syncStep(pair: Pair): SyncStep {
  const outcome = RULES.find(({ when }) => when(pair))?.outcome ?? { kind: 'observe' }
  // No proxy could ever be sent to this container.
  if (outcome.kind === 'adopt' && pair.container?.isUsable !== true) return { kind: 'leave' }
  const isAwaited = pair.container?.isYoung === true && !isLate(pair)
  return outcome.kind === 'reap' && isAwaited ? { kind: 'wait' } : outcome
}

/** Whether the step removes the container, which cannot be undone. */
export const isRemoval = ({ kind }: SyncStep): boolean =>
  kind === 'reap' || kind === 'undo' || kind === 'remove'

/** Whether the container stood still at this look. If so, only a removal that fails for a running container is safe. */
export const standsStill = (state: ContainerState): boolean => NEVER_STARTED.has(state) || STOPPED.has(state)
