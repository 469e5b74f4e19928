import { describe } from 'bun:test'
import { contractOfVerbs } from '../support/runtime-contract-verbs.ts'
import { swarmBench } from '../support/swarm-subject.ts'

describe('the runtime contract of changes, kept by a Docker Swarm', () => contractOfVerbs(swarmBench(1)))
