/*
 * The only paths of an engine that are requested because a proxy reported them: those of a session. No segment may lead out
 * of them.
 */
const SEGMENTS = '(?:/(?!\\.{1,2}(?:[/?#]|$))[\\w.~-]+)+'
const STAT_PATH = new RegExp(`^/ace/stat${SEGMENTS}$`)
const COMMAND_PATH = new RegExp(`^/ace/cmd${SEGMENTS}$`)
const STAT_URL = new RegExp(`^https?://[^/?#\\\\\\s]+(/ace/stat${SEGMENTS})(?:[?#]|$)`)

/** The longest `stat_url` that is used. Engines hand out URLs of about 150 characters. */
const STAT_URL_MAX = 512

/** Whether a path is that of a session's statistics. */
export const isStatPath = (path: string): boolean => STAT_PATH.test(path)

/** Whether a path is that of a session's commands. */
export const isCommandPath = (path: string): boolean => COMMAND_PATH.test(path)

/**
 * The path of a session's statistics in the URL that an engine gave for them; null if it has none, or if it is too long for
 * one. The URL is not parsed, because that took more time than all else when each commit did it for some hundred streams: a
 * URL that means such a path only when it is read as a browser reads it was never given by an engine.
 */
export function statPathOf(url: string): string | null {
  return url.length > STAT_URL_MAX ? null : (STAT_URL.exec(url)?.[1] ?? null)
}
