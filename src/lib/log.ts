/**
 * The log of the control layer, for the operator; pino's loggers fit. Each line has fields first, then one plain sentence.
 */
export interface Log {
  debug(fields: object, message: string): void
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
}
