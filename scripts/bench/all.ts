/** Runs all benchmarks, one after the other. */

import { measureAnswers, measureScrapes } from './answers.ts'
import { measureBodies } from './bodies.ts'
import { measureBusySelection } from './busy-selection.ts'
import { measureEvents } from './events.ts'
import { measureGrowth } from './growth.ts'
import { measureHang } from './hang.ts'
import { runBenchmarks } from './harness.ts'
import { measureLifecycle } from './lifecycle.ts'
import { measureMemory } from './memory.ts'
import { measurePanel } from './panel.ts'
import { measureNodeRestart, measurePlan } from './plan.ts'
import { measureProvision } from './provision.ts'
import { measureReads } from './reads.ts'
import { measureScrape } from './scrape.ts'
import { measureStart } from './start.ts'
import { measureStreams } from './streams.ts'

const all = [
  measureProvision,
  measureReads,
  measureBusySelection,
  measureAnswers,
  measureScrapes,
  measureStart,
  measureMemory,
  measureLifecycle,
  measurePlan,
  measureGrowth,
  measureNodeRestart,
  measureScrape,
  measureHang,
  measureStreams,
  measureEvents,
  measurePanel,
  measureBodies,
]
await runBenchmarks(all)
