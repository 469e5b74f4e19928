/**
 * Why an engine that works has to be replaced when it is idle. `made`: it was made from another image, template or limits than
 * new engines are. `placed`: it is on the wrong side of the VPN. `unreached`: nobody reaches it where it is, and new engines
 * are elsewhere. `port`: another engine has to carry a forwarded port in its place.
 */
export type Outdated = 'made' | 'placed' | 'unreached' | 'port'

/** That in words: why the engine is replaced, and why it goes once its successor is ready. */
export const OUTDATED_WORDS: Readonly<Record<Outdated, { readonly why: string; readonly after: string }>> = {
  made: {
    why: 'its image or its configuration is outdated',
    after: 'it was replaced by one of the new configuration',
  },
  placed: {
    why: 'it is on the wrong side of the VPN',
    after: 'it was replaced by one on the right side of the VPN',
  },
  unreached: {
    why: 'nobody reaches it where it is, and new engines are elsewhere',
    after: 'it was replaced by one that is elsewhere',
  },
  port: {
    why: 'no engine carries a port that is forwarded to its node',
    after: 'it was replaced by one for a forwarded port',
  },
}
