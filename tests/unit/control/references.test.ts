import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { insertEngine } from '../../../src/store/engines.ts'
import { engine } from '../../support/builders.ts'
import { LABEL, Rig } from '../../support/rig.ts'

interface Made {
  readonly container_id: string
  readonly container_name: string
}

let rig: Rig
let made: Made
let other: Made
beforeEach(async () => {
  rig = await new Rig().start()
  made = (await (await rig.provision()).json()) as Made
  other = (await (await rig.during(rig.request('POST', '/provision', {}))).json()) as Made
})
afterEach(() => rig.dispose())

const ask = (method: string, path: string): Promise<Response> => rig.during(rig.request(method, path))
const ROUTES = [
  ['DELETE', (id: string) => `/containers/${id}`],
  ['GET', (id: string) => `/containers/${id}`],
  ['GET', (id: string) => `/engines/${id}`],
  ['POST', (id: string) => `/engines/${id}/drain`],
] as const

describe.each(ROUTES)('%s %p', (method, path) => {
  test.each([
    ['the whole id', ({ container_id: id }: Made) => id],
    ['12 characters of it', ({ container_id: id }: Made) => id.slice(0, 12)],
    ['more of it', ({ container_id: id }: Made) => id.slice(0, 40)],
    ['the name', ({ container_name: name }: Made) => name],
  ])('takes %s', async (_, named) => {
    expect((await ask(method, path(named(made)))).status).toBe(200)
  })

  test.each([1, 4, 11])('refuses %d characters of an id, and says what it takes', async (length) => {
    const refused = await ask(method, path(made.container_id.slice(0, length)))
    expect(refused.status).toBe(422)
    expect(await refused.json()).toMatchObject({
      detail: [{ loc: ['params', 'id'], msg: expect.stringContaining('12 characters') }],
    })
    expect(rig.runtime.containers()).toHaveLength(2)
  })

  test('knows nothing of the rest', async () => {
    for (const text of ['none', 'f'.repeat(12), 'f', `${made.container_id}0`])
      expect([text, (await ask(method, path(text))).status]).toEqual([text, 404])
  })
})

test.each([ROUTES[0], ROUTES[2], ROUTES[3]])(
  '%s %p refuses the beginning of several ids',
  async (method, path) => {
    const start = made.container_id.slice(0, 12)
    rig.temp.store.transact((tx) => {
      const row = { id: 'engine-2', name: 'acestream-2', containerId: `${start}${'f'.repeat(52)}` }
      insertEngine(tx, engine(row))
    })
    const refused = await ask(method, path(start))
    expect(refused.status).toBe(422)
    expect(await refused.json()).toMatchObject({
      detail: [{ loc: ['params', 'id'], msg: expect.stringContaining('several ids') }],
    })
    expect(rig.runtime.containers()).toHaveLength(2)
  },
)

describe.each(['GET', 'DELETE'] as const)('%s of a container that is no engine', (method) => {
  test('takes 12 characters of its id, and not 11', async () => {
    const path = (length: number): string => `/containers/${other.container_id.slice(0, length)}`
    expect((await ask(method, path(11))).status).toBe(422)
    expect((await ask(method, path(12))).status).toBe(200)
  })

  test('tells nothing of a stranger, however it is named', async () => {
    const spec = { name: 'theirs', image: 'engine:1', env: {}, ports: [], publishAddress: '' }
    const rest = { network: null, memoryBytes: null, cpus: null }
    const id = rig.runtime.createOutside({ ...spec, ...rest, labels: { [LABEL.key]: 'other' } })
    for (const text of [id, id.slice(0, 12), id.slice(0, 4), 'theirs'])
      expect([text, (await ask(method, `/containers/${text}`)).status]).toEqual([text, 404])
    expect(rig.runtime.containers()).toHaveLength(3)
  })
})
