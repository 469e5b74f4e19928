import { setDefaultTimeout } from 'bun:test'

/** Containers start and stop in many tests; `timeout` in bunfig.toml has no effect in Bun 1.4.5. */
setDefaultTimeout(30_000)
