import type { UsedResources } from './docker-answers.ts'
import { fromStats } from './docker-observation.ts'
import type { Usage } from './runtime.ts'

const NS_PER_MS = 1_000_000

/** Converts Docker's counters of a container; null if it does not run, of which Docker counts nothing at no time. */
export function fromUsed(used: UsedResources): Usage | null {
  const atMs = Date.parse(used.read)
  if (!(atMs > 0)) return null
  const cpuNs = used.cpu_stats?.cpu_usage?.total_usage
  return {
    atMs,
    cpuMs: cpuNs === undefined ? null : cpuNs / NS_PER_MS,
    memoryBytes: memoryOf(used),
    network: fromStats(used),
    blocks: blocksOf(used),
  }
}

/** As `docker stats` shows it: without the pages of files that were not used lately. */
function memoryOf({ memory_stats: memory }: UsedResources): number | null {
  if (memory?.usage === undefined) return null
  const { total_inactive_file, inactive_file } = memory.stats ?? {}
  const cache = total_inactive_file ?? inactive_file ?? 0
  return cache < memory.usage ? memory.usage - cache : memory.usage
}

/** An empty list says that nothing is counted: some kernels count nothing under the first version of control groups. */
function blocksOf({ blkio_stats: blocks }: UsedResources): Usage['blocks'] {
  const entries = blocks?.io_service_bytes_recursive ?? []
  if (entries.length === 0) return null
  const sumOf = (name: string) =>
    entries.reduce((sum, { op, value }) => (op.toLowerCase() === name ? sum + value : sum), 0)
  return { readBytes: sumOf('read'), writtenBytes: sumOf('write') }
}
