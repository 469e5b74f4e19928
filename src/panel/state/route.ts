/** Where the page is: a page, what it is about, and its filters. */
export interface Route {
  readonly page: string
  readonly id: string | null
  readonly query: URLSearchParams
}

/** Reads the part of an address after `#`, as in `#/engine/acestream-1` or `#/journal?kind=stream`. */
export function routeOf(hash: string): Route {
  const [path = '', query = ''] = hash.replace(/^#\/?/, '').split('?')
  const [page = '', id] = path.split('/')
  return {
    page: page === '' ? 'overview' : page,
    id: id === undefined || id === '' ? null : decodeURIComponent(id),
    query: new URLSearchParams(query),
  }
}

export const engineLink = (name: string): string => `#/engine/${encodeURIComponent(name)}`
export const streamLink = (id: string): string => `#/stream/${encodeURIComponent(id)}`

/** The overview, with what its list of engines is filtered and sorted by; null for neither. */
export function overviewLink({
  state,
  sort,
}: {
  readonly state: string | null
  readonly sort: string | null
}): string {
  const query = new URLSearchParams({
    ...(state === null ? {} : { state }),
    ...(sort === null ? {} : { sort }),
  }).toString()
  return query === '' ? '#/overview' : `#/overview?${query}`
}
