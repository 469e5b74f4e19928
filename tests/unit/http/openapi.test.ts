import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { Validator } from '@seriousme/openapi-schema-validator'
import { FormatRegistry } from '@sinclair/typebox'
import { Value } from '@sinclair/typebox/value'
import { EXAMPLES } from '../../../src/http/openapi-examples.ts'
import {
  Container,
  EngineProvisioned,
  EngineState,
  HealthStatusReport,
  JournalPage,
  OrchestratorStatus,
  PlanReport,
  StreamSample,
  StreamState,
  VpnStatus,
} from '../../../src/http/schemas.ts'
import { Rig } from '../../support/rig.ts'

interface Operation {
  readonly operationId: string
  readonly summary: string
  readonly security?: readonly object[]
  readonly requestBody?: { readonly content: Record<string, { readonly example?: unknown }> }
  readonly responses: Record<
    string,
    { readonly description: string; readonly content: Record<string, { example?: unknown }> }
  >
}
interface Document {
  readonly openapi: string
  readonly paths: Record<string, Record<string, Operation>>
  readonly components: { readonly securitySchemes: object }
}

let rig: Rig
let document: Document
beforeAll(async () => {
  rig = new Rig({ API_KEY: 'secret' })
  document = await rig.json<Document>('GET', '/swagger/json')
})
afterAll(() => rig.dispose())

const operations = () =>
  Object.entries(document.paths).flatMap(([path, item]) =>
    Object.entries(item).map(([method, operation]) => ({
      name: `${method.toUpperCase()} ${path}`,
      ...operation,
    })),
  )

describe('the OpenAPI document', () => {
  test('is valid OpenAPI 3.0.3', async () => {
    const result = await new Validator().validate(
      structuredClone(document) as unknown as Record<string, unknown>,
    )
    expect(result.errors ?? []).toEqual([])
    expect(result.valid).toBe(true)
    expect(document.openapi).toBe('3.0.3')
  })

  test('names every endpoint of the API and nothing else', () => {
    expect(
      operations()
        .map(({ name }) => name)
        .toSorted(),
    ).toEqual([
      'DELETE /containers/{id}',
      'DELETE /streams/{id}',
      'GET /by-label',
      'GET /containers/{id}',
      'GET /engines',
      'GET /engines/{id}',
      'GET /events',
      'GET /events/stream',
      'GET /health/status',
      'GET /healthz',
      'GET /metrics',
      'GET /orchestrator/plan',
      'GET /orchestrator/status',
      'GET /readyz',
      'GET /streams',
      'GET /streams/{id}',
      'GET /streams/{id}/stats',
      'GET /vpn/status',
      'POST /engines/{id}/drain',
      'POST /events/stream_ended',
      'POST /events/stream_started',
      'POST /gc',
      'POST /health/circuit-breaker/reset',
      'POST /provision',
      'POST /provision/acestream',
      'POST /scale/{demand}',
    ])
  })

  test('has a sentence and an example for every operation, and a description for every answer', () => {
    for (const { name, summary, responses, requestBody } of operations()) {
      expect(`${name}: ${summary}`).toMatch(/: [A-Z].+\.$/)
      const ok = Object.values(responses['200']?.content ?? {})
      expect([name, ok.every(({ example }) => example !== undefined), ok.length]).toEqual([name, true, 1])
      for (const answer of Object.values(responses)) expect(answer.description).not.toBe('')
      if (requestBody) expect(requestBody.content['application/json']?.example).toBeDefined()
    }
  })

  test('has the key as a security scheme of what the server asks a key for, and of nothing else', async () => {
    expect(document.components.securitySchemes).toMatchObject({ bearer: { type: 'http', scheme: 'bearer' } })
    for (const { name, security } of operations()) {
      const [method = '', path = ''] = name.split(' ')
      const { status } = await rig.request(method, path.replace(/\{\w+\}/, 'x'))
      expect([name, status === 401]).toEqual([name, security !== undefined])
    }
  })
})

describe('the examples', () => {
  // Elysia adds this format to TypeBox, but these tests use the schemas without Elysia.
  FormatRegistry.Set('date-time', (value) => !Number.isNaN(Date.parse(value)))

  test.each([
    ['listEngines', EngineState],
    ['listStreams', StreamState],
    ['getStream', StreamState],
    ['getStreamStats', StreamSample],
    ['getStatus', OrchestratorStatus],
    ['getVpnStatus', VpnStatus],
    ['getHealth', HealthStatusReport],
    ['getContainer', Container],
    ['provisionEngine', EngineProvisioned],
    ['getPlan', PlanReport],
    ['listEvents', JournalPage],
  ] as const)('of %s fits its schema', (id, schema) => {
    const response = EXAMPLES[id]?.response
    const [value = response] = Array.isArray(response) ? response : []
    expect([...Value.Errors(schema, value)]).toEqual([])
  })

  test('of requests are accepted', async () => {
    const open = await new Rig().start()
    try {
      for (const [path, id] of [
        ['/events/stream_started', 'streamStarted'],
        ['/events/stream_ended', 'streamEnded'],
        ['/provision/acestream', 'provisionEngine'],
      ] as const) {
        const response = await open.during(open.request('POST', path, EXAMPLES[id]?.request))
        expect([path, response.status]).toEqual([path, 200])
      }
    } finally {
      await open.dispose()
    }
  })
})

describe('Swagger UI', () => {
  test('is served whole, with no address outside', async () => {
    const page = await (await rig.request('GET', '/swagger')).text()
    expect(page).not.toMatch(/https?:\/\//)
    const assets = [...page.matchAll(/(?:src|href)="(\/[^"]+)"/g)].map(([, path]) => path ?? '')
    expect(assets.length).toBe(3)
    for (const path of assets) {
      const asset = await rig.request('GET', path)
      expect([path, asset.status, (await asset.text()).length > 100]).toEqual([path, 200, true])
    }
  })

  test('is where the root leads', async () => {
    const root = await rig.request('GET', '/')
    expect([root.status, root.headers.get('location')]).toEqual([302, '/swagger'])
  })
})
