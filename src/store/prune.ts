/**
 * Rows that one step of a sweep deletes of a table at most, so that no transaction keeps answers waiting; the next step goes on.
 * Each `prune…` gives whether it has found that many, which means that there may be more.
 */
export const PRUNE_BATCH = 250

/** The same for the samples of streams that go: small rows, of which one stream may have thousands. */
export const SAMPLES_BATCH = 2_500

/** The same for engines: the rows of other tables that name one are looked for with each. */
export const ENGINES_BATCH = 25
