import type { ContainerObservation } from '../../src/runtime/runtime.ts'
import type { ChaosTools } from './chaos-tools.ts'
import { INSTALLATION_LABEL, INSTALLATIONS, isForeign, type OwnerChaosKind } from './owners.ts'
import type { Random } from './random.ts'
import { IMAGE, LABEL } from './scenario.ts'
import type { SimClock } from './sim-clock.ts'
import type { SimHost } from './sim-host.ts'

/** Ports that nothing else in the simulation uses. */
const FIRST_PORT = 31_000
const OTHERS_MAX = 6
/** The longest time that a tool takes between create and start. */
const TOOL_START_MS = 3_000

export interface OwnerChaosDeps {
  readonly clock: SimClock
  readonly host: SimHost
  readonly tools: ChaosTools
}

/** Creates and changes containers that have our label and were made by others. */
export class OwnerChaos {
  #made = 0

  constructor(private readonly deps: OwnerChaosDeps) {}

  readonly deeds: Readonly<Record<OwnerChaosKind, (random: Random) => void>> = {
    other_comes: (random) => this.#come(random),
    other_goes: (random) =>
      this.#onForeign(random, 'another installation removes', (id) =>
        this.deps.tools.runtime.removeOutside(id),
      ),
    other_turns: (random) =>
      this.#onForeign(random, 'another installation starts or stops', (id, state) => {
        if (state === 'running') this.deps.host.endForGood(id)
        else this.deps.tools.runtime.startOutside(id)
      }),
    tool_recreates: (random) => this.#recreate(random),
  }

  /** Creates a container of another installation. Some of these are no engines. */
  make(random: Random, state: 'created' | 'running' | 'exited'): string {
    const { runtime } = this.deps.tools
    const number = ++this.#made
    const port = FIRST_PORT + number
    const kind = random.chance(0.8)
      ? { 'roundhouse.engine': `foreign-${number}`, 'acestream.http_port': `${port}` }
      : { 'roundhouse.generic': `foreign-${number}` }
    const id = runtime.createOutside({
      name: `foreign-${number}`,
      image: IMAGE,
      env: {},
      labels: {
        ...kind,
        [LABEL.key]: LABEL.value,
        [INSTALLATION_LABEL]: random.pick(INSTALLATIONS),
        ...(random.chance(0.5) ? { 'roundhouse.config': 'foreign' } : {}),
      },
      ports: [{ containerPort: port, hostPort: port, protocol: 'tcp' }],
      publishAddress: '',
      network: null,
      ...this.deps.host.place(random),
      memoryBytes: null,
      cpus: null,
    })
    if (state !== 'created') runtime.startOutside(id)
    if (state === 'exited') this.deps.host.endForGood(id)
    return id
  }

  #come(random: Random): void {
    const { tools, clock } = this.deps
    if (this.#foreign().length >= OTHERS_MAX) return
    tools.note('another installation makes a container', null, () => {
      const id = this.make(random, random.pick(['created', 'running', 'exited'] as const))
      // Some are started late, and some never.
      if (random.chance(0.5)) return
      clock.after(random.int(0, 100_000), () => {
        if (tools.stateOf(id) === 'created') tools.tryTo('start', () => tools.runtime.startOutside(id))
      })
    })
  }

  #onForeign(
    random: Random,
    what: string,
    act: (id: string, state: ContainerObservation['state']) => void,
  ): void {
    const container = random.pick(this.#foreign())
    if (container === undefined) return
    this.deps.tools.note(what, container.id, () => act(container.id, container.state))
  }

  #foreign(): readonly ContainerObservation[] {
    return this.deps.tools.ours().filter(isForeign)
  }

  /**
   * Recreates an engine as watchtower and Portainer do: the old container is stopped and removed, or renamed and left
   * running. The new one has its labels.
   */
  #recreate(random: Random): void {
    const { tools, clock, host } = this.deps
    const engines = tools
      .ours()
      .filter((each) => each.state === 'running' && each.joins === null && !isForeign(each))
    const original = random.pick(engines)
    if (original === undefined) return
    const { id, name } = original
    if (random.chance(0.4)) {
      tools.note('a tool renames an engine and makes it anew', id, () => {
        host.docker?.renameOutside(id, `${name}-${random.int(0, 1e9)}`)
        this.#copy(original, random, random.int(40_000, 49_999))
      })
      return
    }
    tools.note('a tool removes an engine and makes it anew', id, () => {
      tools.later(tools.runtime.stopOutside(id))
      clock.after(random.int(0, 1_000), () =>
        tools.tryTo('recreate', () => {
          tools.runtime.removeOutside(id)
          this.#copy(original, random, null)
        }),
      )
    })
  }

  /** Creates a copy. `port` is another host port, for a copy beside an original that keeps running. */
  #copy({ name, image, labels, ports }: ContainerObservation, random: Random, port: number | null): void {
    const { tools, clock } = this.deps
    const published = port === null ? ports : ports.slice(0, 1).map((each) => ({ ...each, hostPort: port }))
    const rest = { publishAddress: '', network: null, memoryBytes: null, cpus: null }
    const id = tools.runtime.createOutside({ name, image, env: {}, labels, ports: published, ...rest })
    clock.after(random.int(0, TOOL_START_MS), () =>
      tools.tryTo('start of a copy', () => tools.runtime.startOutside(id)),
    )
  }
}
