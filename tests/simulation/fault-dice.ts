import type { Clock } from '../../src/lib/clock.ts'
import { RuntimeFailure } from '../../src/runtime/runtime.ts'
import type { CallSubject, FaultPlan } from '../support/memory-faults.ts'
import { type DrawnFault, drawFault, type FaultRates, NO_FAULTS } from './faults.ts'
import type { Random } from './random.ts'
import type { Sickness } from './sim-host.ts'

const REFUSED: DrawnFault = {
  name: 'before:refused',
  fault: { kind: 'fail_before', failure: new RuntimeFailure('unrunnable', 'drawn: this image does not run') },
}

/** Draws the faults of the orchestrator's calls. Calls of others (checkers, operators) never fail. */
export class FaultDice {
  rates: FaultRates = NO_FAULTS
  #drawn: DrawnFault | null = null
  #wasTaken = false

  constructor(
    private readonly deps: {
      readonly clock: Clock
      readonly random: Random
      readonly sickness: Readonly<Sickness>
    },
    plan: FaultPlan,
  ) {
    plan.decide = () => {
      this.#wasTaken = true
      return this.#drawn?.fault ?? null
    }
  }

  /** Makes a call with or without a fault. `fault` names the fault that the container engine really applied. */
  during<T>(
    call: CallSubject,
    weight: number,
    ask: () => Promise<T>,
  ): { answer: Promise<T>; fault: string | null } {
    const { clock, random, sickness } = this.deps
    const isRefused = call.verb === 'start' && random.chance(sickness.refused)
    this.#drawn = isRefused
      ? REFUSED
      : drawFault({ call, weight }, this.rates, random, (hang, ms) => clock.after(ms, () => hang.release()))
    this.#wasTaken = false
    const answer = ask()
    const fault = this.#wasTaken ? (this.#drawn?.name ?? null) : null
    this.#drawn = null
    return { answer, fault }
  }
}
