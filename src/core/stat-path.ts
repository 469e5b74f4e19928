/**
 * The paths of an engine that are asked about a session. They come from proxies' events, so no other is ever fetched, and
 * no segment may lead out.
 */
const STAT_PATH = /^\/ace\/stat(?:\/(?!\.{1,2}(?:\/|$))[\w.~-]+)+$/

export const isStatPath = (path: string): boolean => STAT_PATH.test(path)
