/*
 * The only paths of an engine that are asked because of what a proxy reported: those of a session, and no segment may lead
 * out of them.
 */
const SEGMENTS = '(?:/(?!\\.{1,2}(?:/|$))[\\w.~-]+)+$'
const STAT_PATH = new RegExp(`^/ace/stat${SEGMENTS}`)
const COMMAND_PATH = new RegExp(`^/ace/cmd${SEGMENTS}`)

/** The statistics of a session. */
export const isStatPath = (path: string): boolean => STAT_PATH.test(path)

/** The commands to a session. */
export const isCommandPath = (path: string): boolean => COMMAND_PATH.test(path)
