import { pino } from 'pino'

/** A logger of JSON lines on standard output, without transports: those do not run in a compiled binary. */
export const createLog = (level: string) =>
  pino({
    level,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }) },
  })
