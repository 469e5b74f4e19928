import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { isStatPath, statPathOf } from '../../../src/core/streams/session-paths.ts'

const PATH = `/ace/stat/${'a'.repeat(40)}/session`

test.each([
  [`http://127.0.0.1:19000${PATH}`],
  [`https://engine.example${PATH}?token=1`],
  [`http://[::1]:6878${PATH}#part`],
  [`http://user@engine${PATH}`],
])('the path of %s is that of a session', (url) => {
  expect(statPathOf(url)).toBe(PATH)
})

test.each([
  ['nothing', ''],
  ['a path alone', PATH],
  ['no host', `http:/${PATH}`],
  ['another scheme', `ftp://engine${PATH}`],
  ['another path', 'http://engine/webui/api/service'],
  ['the path in a query', `http://engine/?${PATH}`],
  ['a way out', 'http://engine/ace/stat/../../server/api'],
  ['a way out before a query', 'http://engine/ace/stat/a/..?b'],
  ['a way out before a fragment', 'http://engine/ace/stat/a/..#b'],
  ['a way in', `http://engine/x/..${PATH}`],
  ['another host behind a backslash', `http://engine\\@other${PATH}`],
  ['an encoded slash', 'http://engine/ace/stat/a%2fb'],
  ['a blank', `http://engine${PATH} HTTP/1.1`],
  ['a line', `http://engine${PATH}\n`],
  ['a long URL', `http://engine/ace/stat/${'a'.repeat(512)}`],
])('%s is not asked for', (_, url) => {
  expect(statPathOf(url)).toBeNull()
})

test('a path that is found is the one that a browser reads in the URL', () => {
  // Most pieces are usual ones, so that many URLs have a path.
  const textOf = (usual: readonly string[], odd: readonly string[]) =>
    fc
      .array(
        fc.oneof(
          { weight: 5, arbitrary: fc.constantFrom(...usual) },
          { weight: 1, arbitrary: fc.constantFrom(...odd) },
        ),
        { maxLength: 6 },
      )
      .map((pieces) => pieces.join(''))
  const hosts = textOf(['a', '.a', '-1', '~'], ['..', '@', ':1', '%2e', '\\', ' ', '\t', '/', '?', '#'])
  const ends = textOf(['a', '/a', '~', '-1'], ['.', '..', '/', '%2e', '\\', '?', '#', '@', ':1', ' ', '\t'])
  let found = 0
  fc.assert(
    fc.property(hosts, ends, (host, end) => {
      const url = `http://h${host}/ace/stat/${end}`
      const path = statPathOf(url)
      if (path === null) return
      found++
      expect(isStatPath(path)).toBe(true)
      expect(URL.parse(url)?.pathname ?? path).toBe(path)
    }),
    { numRuns: 2_000 },
  )
  expect(found).toBeGreaterThan(500)
})
