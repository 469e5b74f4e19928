/** The target of an attack. The attacker's process receives it as JSON. */
export interface Target {
  /** The orchestrator's address for acexy, on loopback. Some limits do not apply there. */
  readonly near: string
  /** The orchestrator at another address of this machine, where all limits apply. */
  readonly far: string
  readonly key: string
  readonly seconds: number
}

/** What an attack reports about itself. */
export interface Outcome {
  /** What the attack did, in figures. */
  readonly notes: readonly string[]
  /** Wrong behaviour that the attack saw, in addition to what is checked for all attacks. */
  readonly complaints: readonly string[]
}

/** Attacks for `target.seconds`. Throws only because of a fault of its own. */
export type Attack = (target: Target) => Promise<Outcome>

/** The outcome of an attack, and when it began and ended, in epoch milliseconds. */
export interface Attacked extends Outcome {
  readonly fromMs: number
  readonly untilMs: number
}

/** Epoch milliseconds with fractions, the same in all processes of this machine. */
export const epochMs = (): number => performance.timeOrigin + performance.now()
