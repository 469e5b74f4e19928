import { describe, expect, test } from 'bun:test'
import { createDockerSurvey, type DockerSurvey, refusalIn } from '../../../src/runtime/docker-survey.ts'
import { httpAnswer, rawDaemon } from '../../support/fake-daemon.ts'

const FORBIDDEN_PAGE = '<html><body><h1>403 Forbidden</h1>\nRequest forbidden.\n</body></html>'
const page = (status: number): string =>
  `HTTP/1.1 ${status} X\r\nContent-Type: text/html\r\nContent-Length: ${FORBIDDEN_PAGE.length}\r\n\r\n${FORBIDDEN_PAGE}`

/** A survey of a daemon that gives every question the same answer, and the questions that it got. */
async function answered<T>(answer: string | null, look: (survey: DockerSurvey) => Promise<T>) {
  const questions: string[] = []
  using daemon = rawDaemon((wire, request) => {
    questions.push(request.replace(/ HTTP.*/, ''))
    if (answer !== null) wire.send(answer)
  })
  return { outcome: await look(createDockerSurvey({ dockerHost: daemon.dockerHost }, 300)), questions }
}

describe('a right', () => {
  test.each([
    ["Docker's 404 for what is not there", httpAnswer(404, { message: 'No such container: x' }), true],
    ["Docker's refusal of an empty creation", httpAnswer(400, { message: 'EOF' }), true],
    ['an answer', httpAnswer(200, []), true],
    ["a proxy's page", page(403), false],
    ['a plug-in of Docker', httpAnswer(403, { message: 'authorization denied by plugin' }), false],
    ['a method that a proxy does not let through', page(405), false],
    ['a proxy that has no such page', page(404), false],
    ['a proxy that does not reach Docker', page(502), null],
    ['silence', null, null],
  ] as const)('is told by %s', async (_, answer, allowed) => {
    const { outcome } = await answered(answer, (survey) => survey.isAllowed('start'))
    expect(outcome).toBe(allowed)
  })

  test('is asked for by questions about no container of anybody', async () => {
    const rights = ['ping', 'containers', 'create', 'start', 'remove', 'exec', 'events', 'images'] as const
    const { questions } = await answered(page(403), (survey) =>
      Promise.all(rights.map((right) => survey.isAllowed(right))),
    )
    const none = '[0-9a-f]{64}'
    const expected = [
      'GET /_ping',
      'GET /containers/json\\?limit=1',
      'POST /containers/create',
      `POST /containers/${none}/start`,
      `DELETE /containers/${none}`,
      `POST /exec/${none}/start`,
      'GET /events\\?since=1&until=1',
      `GET /images/${none}/json`,
    ]
    expect(questions).toHaveLength(expected.length)
    const whole = expected.map((pattern) => new RegExp(`^${pattern}$`))
    expect(whole.filter((pattern) => !questions.some((question) => pattern.test(question)))).toEqual([])
  })
})

test.each([
  [httpAnswer(404, { message: 'network x not found' }), 'missing'],
  [page(403), 'forbidden'],
  [page(404), null],
  [null, null],
] as const)('the refusal of a question about a network is told apart: %#', async (answer, expected) => {
  const { outcome } = await answered(answer, (survey) => survey.network('x').catch(refusalIn))
  expect(outcome as unknown).toBe(expected)
})

test('Podman is known by what its version names', async () => {
  const version = { Os: 'linux', Arch: 'amd64', Version: '5.2.0', ApiVersion: '1.41' }
  const podman = httpAnswer(200, { ...version, Components: [{ Name: 'Podman Engine' }] })
  expect((await answered(podman, (survey) => survey.version())).outcome.isPodman).toBe(true)
  const docker = httpAnswer(200, { ...version, Components: [{ Name: 'Engine' }] })
  const { outcome } = await answered(docker, (survey) => survey.version())
  expect(outcome).toEqual({
    os: 'linux',
    architecture: 'amd64',
    version: '5.2.0',
    api: '1.41',
    isPodman: false,
  })
})

test('the time is that of the answer, in milliseconds', async () => {
  const answer = httpAnswer(200, { SystemTime: '2026-11-28T19:14:33.205885353Z' })
  const { outcome } = await answered(answer, (survey) => survey.time())
  expect(outcome).toBe(Date.parse('2026-11-28T19:14:33.205Z'))
})
