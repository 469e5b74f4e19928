/** Rows that one sweep deletes at most: a statement takes a bounded number of values, and the next sweep goes on. */
export const PRUNE_BATCH = 500
