import { afterEach, describe, expect, test } from 'bun:test'
import { createServer, type Socket } from 'node:net'
import type { Address } from '../../../src/workers/protocol.ts'
import { type ControlClient, createControlClient } from '../../../src/workers/vpn/gluetun.ts'
import type { ControlCredentials } from '../../../src/workers/vpn/vpn-protocol.ts'
import { until } from '../../support/docker.ts'
import { freePort } from '../../support/ports.ts'

const cleanUps: (() => unknown)[] = []
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0)) await cleanUp()
})

const STATUS = '/v1/vpn/status'
const IP = '/v1/publicip/ip'
const PORT = '/v1/portforward'
const OLD_PORT = '/v1/openvpn/portforwarded'

type Answer = (request: Request) => Response | Promise<Response>

/** An answer like Gluetun's: JSON as plain text, with a newline at the end. */
const text =
  (body: string, status = 200): Answer =>
  () =>
    new Response(`${body}\n`, { status, headers: { 'Content-Type': 'text/plain; charset=utf-8' } })
const unauthorized = text('Unauthorized', 401)
const never: Answer = () => new Promise<Response>(() => undefined)
const movedTo =
  (location: string): Answer =>
  () =>
    new Response(`<a href="${location}">Moved Permanently</a>.\n\n`, {
      status: 301,
      headers: { Location: location, 'Content-Type': 'text/html; charset=utf-8' },
    })

// Recorded bodies of the real Gluetun.
const PLACE =
  '"region":"Region","country":"Exampleland","city":"Townsville","hostname":"exit.example",' +
  '"location":"1.500000,2.500000","organization":"Example Org","postal_code":"12345","timezone":"Europe/Example"'
const RUNNING = text('{"status":"running"}')
const HERE = text(`{"public_ip":"203.0.113.7",${PLACE}}`)
const WELL = { [STATUS]: RUNNING, [IP]: HERE, [PORT]: text('{"port":51413,"ports":[51413]}') }
const ANSWERS_WELL = {
  status: 'running',
  forwardedPorts: [51413],
  publicIp: '203.0.113.7',
  country: 'Exampleland',
  region: 'Region',
  city: 'Townsville',
  problem: null,
}
const NOTHING = {
  status: null,
  forwardedPorts: null,
  publicIp: null,
  country: null,
  region: null,
  city: null,
} as const

/** Acts as a control server and keeps its requests. A path without an answer gives 404. */
function server(answers: Readonly<Record<string, Answer>>, port = 0) {
  const asked: { readonly path: string; readonly headers: Headers }[] = []
  const listening = Bun.serve({
    hostname: '127.0.0.1',
    port,
    idleTimeout: 30,
    fetch: (request) => {
      const { pathname, search } = new URL(request.url)
      asked.push({ path: pathname + search, headers: request.headers })
      return answers[pathname]?.(request) ?? new Response('Not Found\n', { status: 404 })
    },
  })
  cleanUps.push(() => listening.stop(true))
  return { asked, address: { host: '127.0.0.1', port: listening.port ?? 0 } }
}

const NO_KEY: ControlCredentials = { kind: 'none' }
const KEY: ControlCredentials = { kind: 'apikey', key: 'k-right' }
const BASIC = { kind: 'basic', user: 'u', password: 'p' } as const
const client = (auth: ControlCredentials = NO_KEY, timeoutMs = 2_000) =>
  createControlClient({ auth, timeoutMs })

/** An address at which nothing listens. */
const refusing = (): Address => ({ host: '127.0.0.1', port: freePort() })

function ask(addresses: readonly Address[], asking: ControlClient = client(), fallback = refusing()) {
  return asking.ask({ addresses, fallback }, null, new AbortController().signal)
}

const problemOf = async (answers: Readonly<Record<string, Answer>>, auth?: ControlCredentials) =>
  (await ask([server(answers).address], client(auth))).answers.problem

describe('a control server of Gluetun', () => {
  test.each([
    [
      'v3.38.0',
      {
        [STATUS]: RUNNING,
        [IP]: text('{"public_ip":""}'),
        [PORT]: text('GET /portforward not found', 400),
        [OLD_PORT]: text('{"port":51413}'),
      },
      OLD_PORT,
      { ...NOTHING, status: 'running', forwardedPorts: [51413], publicIp: '', problem: null },
    ],
    [
      'v3.40.4',
      { [STATUS]: RUNNING, [IP]: HERE, [PORT]: unauthorized, [OLD_PORT]: text('{"port":51413}') },
      OLD_PORT,
      ANSWERS_WELL,
    ],
    ['v3.41.1', { ...WELL, [PORT]: text('{"port":51413}'), [OLD_PORT]: movedTo(PORT) }, PORT, ANSWERS_WELL],
    ['v3.41.3 and master', { ...WELL, [OLD_PORT]: movedTo(PORT) }, PORT, ANSWERS_WELL],
  ])(
    'of %s is understood, and asked for the port by the route that it knows',
    async (_, answers, portPath, expected) => {
      const { address, asked } = server(answers)
      const asking = client()
      const first = await ask([address], asking)
      expect(first).toEqual({ answers: expected, learned: { address, portPath } } as typeof first)

      asked.length = 0
      const where = { addresses: [address], fallback: refusing() }
      const second = await asking.ask(where, first.learned, new AbortController().signal)
      expect(second).toEqual(first)
      expect(asked.map(({ path }) => path).toSorted()).toEqual([STATUS, portPath, IP].toSorted())
    },
  )

  test.each([
    ['{"port":0}', []],
    ['{"port":0,"ports":null}', []],
    ['{"port":0,"ports":[]}', []],
    ['{"port":0,"ports":[0]}', []],
    ['{"ports":[51413,51414]}', [51413, 51414]],
    ['{"port":51413,"ports":[51413,51414]}', [51413, 51414]],
    ['{"port":1234,"ports":[0,4321,4321]}', [4321]],
    ['{"port":51413}', [51413]],
    ['{"port":65536,"ports":["7",-1,1.5]}', []],
  ])('that says %s has the ports %p', async (body, ports) => {
    const { answers } = await ask([server({ ...WELL, [PORT]: text(body) }).address])
    expect(answers).toMatchObject({ forwardedPorts: ports, problem: null })
  })

  test.each(['starting', 'running', 'stopping', 'stopped', 'crashed', 'completed'] as const)(
    'that says %s is taken at its word',
    async (status) => {
      const answers = { ...WELL, [STATUS]: text(JSON.stringify({ status })), [IP]: text('{"public_ip":""}') }
      const fact = (await ask([server(answers).address])).answers
      expect(fact).toMatchObject({
        status,
        publicIp: '',
        country: null,
        region: null,
        city: null,
        problem: null,
      })
    },
  )

  test('gets the key, or the user and password, with every question, and nothing without them', async () => {
    const { address, asked } = server(WELL)
    for (const [auth, name, value] of [
      [NO_KEY, 'x-api-key', null],
      [NO_KEY, 'authorization', null],
      [KEY, 'x-api-key', 'k-right'],
      [BASIC, 'authorization', 'Basic dTpw'],
    ] as const) {
      asked.length = 0
      await ask([address], client(auth))
      expect(asked.length).toBeGreaterThan(2)
      for (const { headers } of asked) expect(headers.get(name)).toBe(value)
    }
  })

  test('is asked all at once, each question with a deadline of its own', async () => {
    // The route of the port hangs while a command of the user runs.
    const { address } = server({ ...WELL, [PORT]: never })
    const startedMs = performance.now()
    const { answers, learned } = await ask([address], client(NO_KEY, 200))
    expect(performance.now() - startedMs).toBeWithin(195, 1_500)
    expect(answers).toMatchObject({ status: 'running', forwardedPorts: null, publicIp: '203.0.113.7' })
    expect(answers.problem).toBe(
      `the control server accepts connections at 127.0.0.1:${address.port} and does not answer GET ${PORT} within 200 ms: see the log of Gluetun`,
    )
    expect(learned).toEqual({ address, portPath: null })
  })

  test('is asked no more once the round is ended', async () => {
    const { address, asked } = server({ ...WELL, [STATUS]: never })
    const abort = new AbortController()
    const round = client(NO_KEY, 60_000).ask({ addresses: [address], fallback: address }, null, abort.signal)
    await until('it is asked', () => asked.length > 0)
    abort.abort()
    const startedMs = performance.now()
    await round
    expect(performance.now() - startedMs).toBeLessThan(1_000)
  })
})

describe('the address of a control server', () => {
  test('is the one that answers as Gluetun does, whatever others there are, and is kept to', async () => {
    const good = server(WELL)
    const hung = server({ [STATUS]: never })
    const others = [server({}), server({ [STATUS]: unauthorized }), server({ [STATUS]: text('<html>') })]
    const asking = client(NO_KEY, 5_000)
    const addresses = [...others, hung, good].map(({ address }) => address)
    const startedMs = performance.now()
    const { answers, learned } = await ask(addresses, asking)
    expect(performance.now() - startedMs).toBeLessThan(2_000)
    expect(answers).toEqual(ANSWERS_WELL as typeof answers)
    expect(learned?.address).toEqual(good.address)

    for (const { asked } of others) asked.length = 0
    const where = { addresses, fallback: refusing() }
    await asking.ask(where, learned, new AbortController().signal)
    expect(others.map(({ asked }) => asked.length)).toEqual([0, 0, 0])
  })

  test('is that of the name where no other answers, and the name is not asked before', async () => {
    const named = server(WELL)
    const good = server(WELL)
    await ask([refusing(), good.address], client(), named.address)
    expect(named.asked).toEqual([])
    const { answers, learned } = await ask([refusing()], client(), named.address)
    expect(answers.problem).toBeNull()
    expect(learned?.address).toEqual(named.address)
    expect((await ask([], client(), named.address)).learned?.address).toEqual(named.address)
  })

  test('is forgotten when it fails, and found anew', async () => {
    const stub = server({ ...WELL })
    const asking = client()
    const { learned } = await ask([stub.address], asking)
    const gone = { address: refusing(), portPath: PORT }
    const where = { addresses: [stub.address], fallback: refusing() }
    const { signal } = new AbortController()
    const failed = await asking.ask(where, gone, signal)
    expect(failed.learned).toBeNull()
    expect(failed.answers.problem).toContain('does not listen')
    expect((await asking.ask(where, failed.learned, signal)).learned).toEqual(learned)
  })
})

describe('the problem with a control server is told with its remedy', () => {
  test('where it wants a key and we have none, as the newest Gluetun does until it has a role', async () => {
    const locked = {
      [STATUS]: unauthorized,
      [IP]: unauthorized,
      [PORT]: unauthorized,
      [OLD_PORT]: unauthorized,
    }
    const { answers } = await ask([server(locked).address])
    expect(answers).toMatchObject(NOTHING)
    expect(answers.problem).toBe(
      `the control server wants to know who asks for GET ${STATUS}, GET ${PORT}, GET ${IP}: ` +
        'set GLUETUN_API_KEY, or GLUETUN_API_USER and GLUETUN_API_PASSWORD, to those of a role of Gluetun with the routes ' +
        `GET ${STATUS}, GET ${IP} and GET ${PORT} (GET ${OLD_PORT} before v3.41); ` +
        'the newest Gluetun answers 401 to everything until it has a role',
    )
  })

  test('where it refuses ours, for the routes that it refuses, and without telling it', async () => {
    // This role has only the old route, which redirects to a route that the role does not have.
    const some = { ...WELL, [PORT]: unauthorized, [OLD_PORT]: movedTo(PORT) }
    const { answers, learned } = await ask([server(some).address], client(KEY))
    expect(answers).toMatchObject({ status: 'running', forwardedPorts: null, publicIp: '203.0.113.7' })
    expect(answers.problem).toStartWith(
      `the control server refuses our key for GET ${PORT}: set GLUETUN_API_KEY to that of a role of Gluetun with the routes`,
    )
    expect(learned?.portPath).toBeNull()
    const basic = await problemOf({ ...WELL, [IP]: unauthorized }, { ...BASIC, password: 's-secret' })
    expect(basic).toStartWith(
      `the control server refuses our user and password for GET ${IP}: set GLUETUN_API_USER and GLUETUN_API_PASSWORD to those of`,
    )
    for (const problem of [answers.problem, basic]) expect(problem).not.toMatch(/k-right|s-secret|dTpw/)
  })

  test.each([
    [
      'a route that is not known',
      { [IP]: text('Not Found', 404) },
      `does not know GET ${IP}: check GLUETUN_API_PORT`,
    ],
    [
      'a redirection to another place',
      { [IP]: movedTo('http://127.0.0.1:9/v1/publicip/ip') },
      `redirects GET ${IP}`,
    ],
    ['a redirection within', { [IP]: movedTo('/elsewhere') }, `redirects GET ${IP} to another place`],
    [
      'an error of the server',
      { [IP]: text('failed', 500) },
      `fails GET ${IP} with HTTP 500: see the log of Gluetun`,
    ],
    ['another status', { [IP]: text('', 429) }, `fails GET ${IP} with HTTP 429`],
    ['no JSON', { [IP]: text('<html>hello</html>') }, `the answer to GET ${IP} is none that Gluetun gives`],
    ['JSON of another kind', { [IP]: text('[]') }, `the answer to GET ${IP} is none`],
    ['no address', { [IP]: text('{"public_ip":"here"}') }, `the answer to GET ${IP} is none`],
    ['no port', { [PORT]: text('{}') }, `the answer to GET ${PORT} is none`],
    ['no status', { [STATUS]: text('{"status":"fine"}') }, `the answer to GET ${STATUS} is none`],
    ['null', { [STATUS]: text('null') }, `the answer to GET ${STATUS} is none`],
    ['a body without end', { [IP]: text(`"${'x'.repeat(70_000)}"`) }, `the answer to GET ${IP} is none`],
  ] as const)('for %s', async (_, change, words) => {
    const problem = await problemOf({ ...WELL, ...change })
    expect(problem).toContain(words)
    expect(problem).not.toContain(';')
  })

  const everywhere = (answer: Answer) => ({
    [STATUS]: answer,
    [IP]: answer,
    [PORT]: answer,
    [OLD_PORT]: answer,
  })
  const LISTED = `GET ${STATUS}, GET ${PORT}, GET ${IP}`
  const page: Answer = () =>
    new Response('<!doctype html><title>nginx</title>', { headers: { 'Content-Type': 'text/html' } })
  const older = { '/v1/openvpn/status': RUNNING, [OLD_PORT]: text('{"port":51413}') }
  test.each<[string, Readonly<Record<string, Answer>>, string]>([
    ['404 for all', {}, `does not know ${LISTED}: check GLUETUN_API_PORT`],
    ['405 for all', everywhere(text('', 405)), `does not know ${LISTED}: check`],
    [
      'the paths of an old one',
      older,
      `does not know GET ${STATUS}, GET ${IP}: check GLUETUN_API_PORT, and that this`,
    ],
    [
      'a page of another program',
      everywhere(page),
      `the answer to ${LISTED} is none that Gluetun gives: check that`,
    ],
    [
      'the health of another program',
      everywhere(text('{"status":"ok"}')),
      `is none that Gluetun gives: check that`,
    ],
    ['an empty body', everywhere(text('')), `the answer to ${LISTED} is none that Gluetun gives`],
    ['500 for all', everywhere(text('oops', 500)), `fails ${LISTED} with HTTP 500: see the log of Gluetun`],
    [
      '403 for all',
      everywhere(text('', 403)),
      `fails ${LISTED} with HTTP 403: Gluetun does not answer so. Check`,
    ],
    [
      'a redirection of all',
      everywhere(movedTo('https://vpn.example/')),
      `redirects ${LISTED} to another place`,
    ],
    [
      'no state',
      { ...WELL, [STATUS]: text('{"status":""}') },
      `does not say yet whether its VPN runs (GET ${STATUS})`,
    ],
  ])('for a server that gives %s, and nothing is taken for known', async (_, answers, words) => {
    const told = (await ask([server(answers).address])).answers
    expect([told.status, told.problem]).toEqual([null, expect.stringContaining(words)])
    expect(told.problem).not.toContain('API_KEY')
  })

  test('for several troubles, equal ones together', async () => {
    const problem = await problemOf({
      ...WELL,
      [STATUS]: text('no', 500),
      [IP]: text('no', 500),
      [PORT]: text('what?'),
    })
    expect(problem).toContain(`fails GET ${STATUS}, GET ${IP} with HTTP 500`)
    expect(problem).toContain(`; the answer to GET ${PORT} is none`)
  })

  test('where it takes connections and does not answer, or not to the end', async () => {
    const begun: Answer = () =>
      new Response(
        new ReadableStream({ start: (stream) => stream.enqueue(new TextEncoder().encode('{"status":')) }),
      )
    for (const answer of [never, begun]) {
      const { address } = server({ [STATUS]: answer })
      const { answers } = await ask([refusing(), address], client(NO_KEY, 150))
      expect(answers).toEqual({
        ...NOTHING,
        problem: `the control server accepts connections at 127.0.0.1:${address.port} and does not answer GET ${STATUS} within 150 ms: see the log of Gluetun`,
      })
    }
  })

  test('where it hangs below HTTP, and where it hangs up', async () => {
    const silent = await rawServer(() => undefined)
    expect((await ask([silent], client(NO_KEY, 150))).answers.problem).toContain(
      `accepts connections at 127.0.0.1:${silent.port} and does not answer`,
    )
    const rude = await rawServer((socket) => socket.destroy())
    const { problem } = (await ask([rude], client())).answers
    expect(problem).toContain(`127.0.0.1:${rude.port}`)
    expect(problem).toContain('does not listen')
  })

  test('where nobody listens, with all addresses', async () => {
    const [one, other, name] = [refusing(), refusing(), refusing()]
    expect((await ask([one, other], client(), name)).answers).toEqual({
      ...NOTHING,
      problem:
        `the control server does not listen at 127.0.0.1:${one.port}, 127.0.0.1:${other.port}, 127.0.0.1:${name.port}: ` +
        'check HTTP_CONTROL_SERVER_ADDRESS of Gluetun, and GLUETUN_API_PORT (VPN_CONTROL=none, if the container is no Gluetun)',
    })
  })

  test('where there is no way to it', async () => {
    const { answers } = await ask([], client(KEY), { host: 'gluetun.invalid', port: 8000 })
    expect(answers.problem).toBe(
      'the control server cannot be reached at gluetun.invalid:8000: put it into a network that we are in, too, or publish its port',
    )
  })

  test('also where the key is none that can be sent, without telling it', async () => {
    const { answers } = await ask([server(WELL).address], client({ kind: 'apikey', key: 'k-\nsecret' }))
    expect(answers.status).toBeNull()
    expect(answers.problem).not.toContain('secret')
  })
})

/** Accepts connections and passes them to `onConnection`. */
async function rawServer(onConnection: (socket: Socket) => void): Promise<Address> {
  const sockets = new Set<Socket>()
  const listening = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => undefined)
    onConnection(socket)
  })
  await new Promise<void>((resolve) => listening.listen(0, '127.0.0.1', resolve))
  cleanUps.push(() => {
    for (const socket of sockets) socket.destroy()
    listening.close()
  })
  const address = listening.address()
  if (address === null || typeof address === 'string') throw new Error('it has no port')
  return { host: '127.0.0.1', port: address.port }
}
