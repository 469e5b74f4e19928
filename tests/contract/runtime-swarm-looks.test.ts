import { describe } from 'bun:test'
import { contractOfLogs } from '../support/runtime-contract-logs.ts'
import { contractOfLooks } from '../support/runtime-contract-looks.ts'
import { swarmBench } from '../support/swarm-subject.ts'

// A file of its own, which runs beside that of the changes: Swarm takes a second to end a container.
describe('the runtime contract of looks, kept by a Docker Swarm', () => {
  const bench = swarmBench(1)
  contractOfLogs(bench)
  contractOfLooks(bench)
})
