import { type Engine, generationOf } from '../../core/types.ts'
import type { Clock } from '../../lib/clock.ts'
import type { Store } from '../../store/store.ts'
import type { FleetRows } from '../engines/fleet-rows.ts'
import { engineNamed } from '../engines/references.ts'
import { type EngineTemplate, templateHash } from '../engines/template.ts'
import type { EngineUsage, UsageFacts } from '../facts/usage-facts.ts'
import { isoOrNull } from './iso.ts'

/** The answers about what engines use, from memory. */
export class UsageViews {
  constructor(
    private readonly deps: {
      readonly store: Store
      readonly rows: FleetRows
      readonly clock: Clock
      readonly usage: UsageFacts
      readonly template: EngineTemplate
    },
  ) {}

  /** What one live engine uses; null if no engine has this id or name. Throws like `EngineViews.one`. */
  one(idOrName: string) {
    const { store, clock, usage } = this.deps
    usage.asked(clock.now())
    const engine = engineNamed(store.db, idOrName)
    return engine === undefined ? null : this.#view(engine)
  }

  /** What every live engine uses of processors and memory. */
  all() {
    const { rows, clock, usage } = this.deps
    usage.asked(clock.now())
    const limitsOf = this.#limits()
    return rows.read().engines.map((engine) => shortView(engine, this.#usedBy(engine), limitsOf(engine)))
  }

  #view(engine: Engine) {
    const used = this.#usedBy(engine)
    return {
      ...shortView(engine, used, this.#limits()(engine)),
      network: used && networkOf(used),
      block_io: used && blocksOf(used),
    }
  }

  #usedBy(engine: Engine): EngineUsage | null {
    return this.deps.usage.of(engine.id, generationOf(engine))
  }

  /**
   * Tells the limits that an engine was made with; none for an engine that another template made. The hash of the template
   * is made once for each image.
   */
  #limits(): (engine: Engine) => Limits {
    const { template } = this.deps
    const hashes = new Map<string, string>()
    return ({ configHash, image }) => {
      const hash = hashes.get(image) ?? templateHash(template, image)
      hashes.set(image, hash)
      return configHash === hash ? template : { cpus: null, memoryBytes: null }
    }
  }
}

/** Null for no limit. */
type Limits = Pick<EngineTemplate, 'cpus' | 'memoryBytes'>

const shortView = (engine: Engine, used: EngineUsage | null, limits: Limits) => ({
  container_id: engine.containerId,
  container_name: engine.name,
  collected_at: isoOrNull(used?.collectedMs ?? null),
  cpu: used && cpuOf(used, limits.cpus),
  memory: used && memoryOf(used, limits.memoryBytes),
})

function cpuOf({ cores }: EngineUsage, limit: number | null) {
  if (cores === null) return null
  return { cores: rounded(cores), limit_cores: limit, share: limit === null ? null : rounded(cores / limit) }
}

function memoryOf({ reading: { memoryBytes } }: EngineUsage, limit: number | null) {
  if (memoryBytes === null) return null
  const share = limit === null ? null : rounded(memoryBytes / limit)
  return { bytes: memoryBytes, limit_bytes: limit, share }
}

function networkOf({ reading: { network }, receivedPerSecond, sentPerSecond }: EngineUsage) {
  if (network === null) return null
  return {
    received_bytes: network.receivedBytes,
    sent_bytes: network.sentBytes,
    received_per_second: receivedPerSecond,
    sent_per_second: sentPerSecond,
  }
}

const blocksOf = ({ reading: { blocks } }: EngineUsage) =>
  blocks && { read_bytes: blocks.readBytes, written_bytes: blocks.writtenBytes }

/** To a thousandth. */
const rounded = (value: number): number => Math.round(value * 1_000) / 1_000
