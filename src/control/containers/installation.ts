import { idsOf, isOfOthers, othersWarning } from '../../core/containers/installation.ts'
import { standsStill } from '../../core/containers/sync-step.ts'
import type { Clock } from '../../lib/clock.ts'
import type { Log } from '../../lib/log.ts'
import type { ContainerObservation } from '../../runtime/runtime.ts'
import { engineByContainer, hasHadEngines } from '../../store/engines.ts'
import { installationId, setInstallationId, setTakeOver, takeOver } from '../../store/installation.ts'
import { appendJournal } from '../../store/journal.ts'
import type { Store } from '../../store/store.ts'
import { INSTALLATION_LABEL } from '../engines/template.ts'
import type { Warnings } from '../reporting/warnings.ts'
import { isEngineContainer } from './adoption.ts'
import { unusable } from './found-values.ts'

export interface InstallationDeps {
  readonly store: Store
  readonly clock: Clock
  readonly log: Log
  readonly warnings: Warnings
  readonly newId: () => string
  /** The label that all our containers carry. */
  readonly label: { readonly key: string; readonly value: string }
  /** Whether a new database takes over engines that run under the id of another installation. */
  readonly takesOver: boolean
}

type Labelled = Pick<ContainerObservation, 'id' | 'labels'>

/**
 * Distinguishes the containers of this installation from those of others with the same label. Each database is an
 * installation, and our containers carry its id. A new database takes over the engines that run when it first sees them:
 * they belonged to a database that was lost or moved.
 *
 * INVARIANT: which engines those are is written before the first of them is taken over. So neither a crash nor an outage
 * loses one, and no container that appears later is taken over.
 */
export class Installation {
  readonly id: string

  /** Reads the id, or makes one if the database has none. While the database takes no writes, the new id is kept for it. */
  constructor(private readonly deps: InstallationDeps) {
    this.id = this.#open()
  }

  /** Whether a container is ours, by its labels and its row. */
  isOurs(container: Labelled): boolean {
    const { key, value } = this.deps.label
    return container.labels[key] === value && !this.isOthers(container)
  }

  /** Whether a container with our label belongs to another installation. */
  isOthers({ id, labels }: Labelled): boolean {
    const installation = installationOf(labels)
    // Most containers are ours and need no query.
    if (installation === this.id) return false
    const engine = engineByContainer(this.deps.store.db, id) ?? null
    return isOfOthers({ containerId: id, installation }, this.id, engine)
  }

  /** Whether a container of another installation is one to take over. */
  isLeftToUs(containerId: string): boolean {
    const left = takeOver(this.deps.store.db)
    return left !== 'unseen' && left.includes(containerId)
  }

  /** Notes which containers to take over. Needs a list of all containers from before any of them is changed. */
  noteTakeOver(listed: readonly ContainerObservation[]): void {
    const { store } = this.deps
    const left = takeOver(store.db)
    if (left.length === 0) return
    const running = this.#runningOthers(listed)
    if (left === 'unseen') {
      this.#begin(running)
      return
    }
    const still = running.filter(({ id }) => left.includes(id)).map(({ id }) => id)
    if (still.length < left.length) store.transact((tx) => setTakeOver(tx, still))
  }

  /** Sets or clears the warning about containers of other installations. */
  tell(listed: readonly ContainerObservation[]): void {
    const others = listed.filter((container) => this.isOthers(container))
    this.deps.warnings.tell('other_installation', othersWarning(others.map(asTold)))
  }

  #open(): string {
    const { store, newId, takesOver } = this.deps
    const known = installationId(store.db)
    if (known !== undefined) {
      if (!takesOver && takeOver(store.db).length > 0) store.transactOrKeep((tx) => setTakeOver(tx, []))
      return known
    }
    const id = newId()
    return store.transactOrKeep((tx) => {
      setInstallationId(tx, id)
      if (takesOver && !hasHadEngines(tx)) setTakeOver(tx, 'unseen')
      return id
    })
  }

  #runningOthers(listed: readonly ContainerObservation[]): readonly ContainerObservation[] {
    return listed.filter(
      (container) =>
        isEngineContainer(container) &&
        unusable(container) === null &&
        !standsStill(container.state) &&
        this.isOthers(container),
    )
  }

  #begin(running: readonly ContainerObservation[]): void {
    const { store, clock, log } = this.deps
    const installations = idsOf(running.map(asTold))
    store.transact((tx) => {
      setTakeOver(
        tx,
        running.map(({ id }) => id),
      )
      if (running.length === 0) return
      const detail = { installations, engines: running.length }
      appendJournal(tx, clock.now(), { kind: 'fleet.taken_over', detail })
    })
    if (running.length === 0) return
    const what = running.length === 1 ? '1 engine that runs' : `${running.length} engines that run`
    log.warn(
      { installations, engines: running.length, remedy: REMEDY },
      `this database is new and takes over ${what} for another installation (${installations})`,
    )
  }
}

const REMEDY =
  'nothing is to be done where its database was lost or moved; where it still runs, end one of the two and give it a ' +
  'CONTAINER_LABEL of its own, and start new databases with TAKE_OVER=never'

/** The installation id in the labels; null if it is missing or empty. */
const installationOf = (labels: ContainerObservation['labels']): string | null =>
  labels[INSTALLATION_LABEL] || null

const asTold = ({ name, labels }: ContainerObservation) => ({
  name,
  installation: installationOf(labels) ?? '',
})
