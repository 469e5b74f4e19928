import { afterEach, beforeEach, expect, test } from 'bun:test'
import { Rig } from '../../support/rig.ts'

let rig: Rig
beforeEach(async () => {
  rig = await new Rig({ API_KEY: 'the-right-key' }).start()
})
afterEach(() => rig.dispose())

async function idOf(path: string, given?: string, method = 'GET'): Promise<string | null> {
  const headers = given === undefined ? {} : { 'x-request-id': given }
  return (await rig.request(method, path, undefined, { headers })).headers.get('x-request-id')
}

test.each(['a', '550e8400-e29b-41d4-a716-446655440000', 'Root=1-67891233-abcdef', 'x'.repeat(64)])(
  'the id %s of a request is that of its answer',
  async (id) => {
    expect(await idOf('/engines', id)).toBe(id)
  },
)

test.each(['', 'x'.repeat(65), 'a b', 'a"b', 'a=b;c', 'ä', 'a\tb', '<script>'])(
  'instead of the id %j a request gets a new one',
  async (id) => {
    expect(await idOf('/engines', id)).toMatch(/^[a-z\d]+-\d+$/)
  },
)

test('every answer has an id, and each its own', async () => {
  const ids = [
    await idOf('/engines'),
    await idOf('//engines'),
    await idOf('/nothing'),
    await idOf('/gc', undefined, 'POST'),
    await idOf('/engines', undefined, 'PUT'),
    await idOf('/swagger'),
  ]
  expect(ids.filter((id) => id === null || !/^[a-z\d]+-\d+$/.test(id))).toEqual([])
  expect(new Set(ids).size).toBe(ids.length)
})

test('a request that was turned away has an id, too', async () => {
  const answer = await rig.request('GET', '/engines', undefined, {
    headers: { host: 'evil.example', 'x-request-id': 'e1' },
  })
  expect([answer.status, answer.headers.get('x-request-id')]).toEqual([403, 'e1'])
})
