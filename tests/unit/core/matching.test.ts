import { describe, expect, test } from 'bun:test'
import { matchEngine, type StreamPlace } from '../../../src/core/streams/matching.ts'
import type { Engine } from '../../../src/core/types.ts'
import { engine } from '../../support/builders.ts'

const first = engine({ id: 'one', name: 'acestream-1', containerId: '1'.repeat(64), hostHttpPort: 19_000 })
const second = engine({
  id: 'two',
  name: 'acestream-2',
  containerId: '2'.repeat(64),
  hostHttpPort: 19_001,
  httpPort: 6878,
})
const fleet = [first, second]

const known = (each: Engine) => [
  { host: each.name, port: each.httpPort },
  { host: '127.0.0.1', port: each.hostHttpPort },
]
const nowhere: StreamPlace = { statUrl: '', host: 'elsewhere', port: 1, containerId: null }
const match = (place: Partial<StreamPlace>, engines: readonly Engine[] = fleet) =>
  matchEngine({ ...nowhere, ...place }, engines, known)?.id

describe('matching', () => {
  test('the address in stat_url wins over the one that the proxy chose', () => {
    expect(match({ statUrl: 'http://127.0.0.1:19001/ace/stat/a/b', host: '127.0.0.1', port: 19_000 })).toBe(
      'two',
    )
  })

  test('the address that the proxy chose is next', () => {
    expect(match({ host: 'acestream-2', port: 6878 })).toBe('two')
    expect(match({ host: 'ACESTREAM-2', port: 6878 })).toBe('two')
  })

  test.each(['localhost', '127.0.0.1', '::1'])('%s means this machine', (host) => {
    expect(match({ host, port: 19_000 })).toBe('one')
  })

  test('a port that one engine alone publishes is enough', () => {
    expect(match({ host: '192.168.1.5', port: 19_001 })).toBe('two')
  })

  test('a port that several publish, on several nodes, is not', () => {
    const twin = { ...second, id: 'three', name: 'acestream-3', containerId: '3'.repeat(64) }
    expect(match({ host: '192.168.1.5', port: 19_001 }, [...fleet, twin])).toBeUndefined()
  })

  test('a container id counts if it is an engine, and comes last', () => {
    expect(match({ containerId: '1'.repeat(64) })).toBe('one')
    expect(match({ containerId: '1'.repeat(64), host: '127.0.0.1', port: 19_001 })).toBe('two')
    expect(match({ containerId: 'f'.repeat(64) })).toBeUndefined()
  })

  test('nothing is made up: no match, no engine', () => {
    expect(match({})).toBeUndefined()
    expect(match({ statUrl: 'not a url', host: '', port: 0 })).toBeUndefined()
  })

  test('engines that are history or not started yet match nothing', () => {
    for (const status of ['gone', 'failed', 'provisioning'] as const) {
      expect(match({ host: '127.0.0.1', port: 19_000 }, [{ ...first, status }])).toBeUndefined()
    }
  })

  test('a URL without a port means port 80', () => {
    expect(
      match({ statUrl: 'http://acestream-9/ace/stat/a/b' }, [
        { ...first, name: 'acestream-9', httpPort: 80 },
      ]),
    ).toBe('one')
  })
})
