/**
 * Rows that one step deletes from a table at most, so that no transaction delays answers. The next step continues. Each
 * `prune…` function returns whether it found this many, which means that there may be more.
 */
export const PRUNE_BATCH = 250

/** The same limit for samples of deleted streams. These rows are small, and one stream may have thousands. */
export const SAMPLES_BATCH = 2_500

/**
 * The same limit for engines. It is lower, because each deletion searches other tables for rows that reference the engine.
 */
export const ENGINES_BATCH = 25
