import { afterAll, afterEach, beforeAll, describe } from 'bun:test'
import { Bench } from '../support/runtime-contract.ts'
import { contractOfLogs } from '../support/runtime-contract-logs.ts'
import { contractOfLooks } from '../support/runtime-contract-looks.ts'
import { contractOfVerbs } from '../support/runtime-contract-verbs.ts'
import { openSwarm, SWARM_LACKS, type SwarmSubject } from '../support/swarm-subject.ts'

describe('the runtime contract, kept by a Docker Swarm', () => {
  let subject: SwarmSubject | null = null
  const bench = new Bench(async () => {
    subject = await openSwarm(1)
    return subject
  }, SWARM_LACKS)
  beforeAll(() => bench.setUp())
  afterEach(() => bench.cleanUp())
  afterAll(() => subject?.close())
  contractOfVerbs(bench)
  contractOfLogs(bench)
  contractOfLooks(bench)
})
