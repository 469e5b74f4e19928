/** What an attack is aimed at; its process gets it as JSON. */
export interface Target {
  /** The orchestrator as acexy reaches it: over loopback, which some bounds exempt. */
  readonly near: string
  /** The same by another address of this machine, where nobody is exempt. */
  readonly far: string
  readonly key: string
  readonly seconds: number
}

/** What an attack has to say for itself. */
export interface Outcome {
  /** What it did, in figures. */
  readonly notes: readonly string[]
  /** What it saw that must not be, beside what is looked at for all attacks. */
  readonly complaints: readonly string[]
}

/** Goes on for `target.seconds`, and throws only for a fault of its own. */
export type Attack = (target: Target) => Promise<Outcome>

/** The figures of one attack's process: its outcome, and when it was at it, in epoch milliseconds. */
export interface Attacked extends Outcome {
  readonly fromMs: number
  readonly untilMs: number
}

/** Epoch milliseconds with fractions, the same in all processes of this machine. */
export const epochMs = (): number => performance.timeOrigin + performance.now()
