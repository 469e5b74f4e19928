import type { Warning } from '../../core/reporting/warnings.ts'
import type { HostFacts } from '../facts/host-facts.ts'
import type { Warnings } from '../reporting/warnings.ts'

/** Tells users about hosts that do not answer the container engine. */
export class HostWarnings {
  constructor(
    private readonly deps: {
      readonly hosts: Pick<HostFacts, 'conditions'>
      readonly warnings: Pick<Warnings, 'tell'>
    },
  ) {}

  /** Sets or clears the warning, by what is known of the hosts now. */
  tell(): void {
    const { hosts, warnings } = this.deps
    const lost = [...hosts.conditions().values()].filter(({ condition }) => condition === 'lost')
    warnings.tell('host_lost', lost.length === 0 ? null : warningOf(lost.map(({ name }) => name)))
  }
}

const warningOf = (names: readonly string[]): Warning => ({
  message:
    `the swarm hears nothing of its node ${names.join(', ')}: engines there that do not answer are given up ` +
    'and started on other nodes',
  remedy:
    'look at docker node ls, and at that machine and its network; if it is gone for good, run docker node rm --force and its name',
})
