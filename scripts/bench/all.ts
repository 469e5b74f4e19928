/** All benchmarks, one after the other. */

import { measureHang } from './hang.ts'
import { runBenchmarks } from './harness.ts'
import { measureLifecycle } from './lifecycle.ts'
import { measurePlan } from './plan.ts'
import { measureProvision } from './provision.ts'
import { measureReads } from './reads.ts'
import { measureScrape } from './scrape.ts'
import { measureStart } from './start.ts'

const all = [
  measureProvision,
  measureReads,
  measureStart,
  measureLifecycle,
  measurePlan,
  measureScrape,
  measureHang,
]
await runBenchmarks(all)
