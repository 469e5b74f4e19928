/*
 * The only paths of an engine that are requested because a proxy reported them: those of a session. No segment may lead out
 * of them.
 */
const SEGMENTS = '(?:/(?!\\.{1,2}(?:/|$))[\\w.~-]+)+$'
const STAT_PATH = new RegExp(`^/ace/stat${SEGMENTS}`)
const COMMAND_PATH = new RegExp(`^/ace/cmd${SEGMENTS}`)

/** Whether a path is that of a session's statistics. */
export const isStatPath = (path: string): boolean => STAT_PATH.test(path)

/** Whether a path is that of a session's commands. */
export const isCommandPath = (path: string): boolean => COMMAND_PATH.test(path)
