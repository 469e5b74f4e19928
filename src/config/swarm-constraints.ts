import { CONSTRAINT_ATTRIBUTES, type Constraint, constraintIn, inWords } from '../core/hosts/constraints.ts'
import type { Kind } from './kinds.ts'

/** A condition on a node of a swarm. */
export const constraint: Kind<Constraint> = {
  type: 'condition',
  expects: `attribute==value or attribute!=value, with one of ${CONSTRAINT_ATTRIBUTES.join(', ')}`,
  parse: (text) => constraintIn(text) ?? undefined,
  format: inWords,
}
