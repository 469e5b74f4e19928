/** All benchmarks, one after the other. */

import { runBenchmarks } from './harness.ts'
import { measureLifecycle } from './lifecycle.ts'
import { measurePlan } from './plan.ts'
import { measureProvision } from './provision.ts'
import { measureReads } from './reads.ts'
import { measureStart } from './start.ts'

await runBenchmarks([measureProvision, measureReads, measureStart, measureLifecycle, measurePlan])
