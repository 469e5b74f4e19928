import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { Validator } from '@seriousme/openapi-schema-validator'
import { FormatRegistry } from '@sinclair/typebox'
import { Value } from '@sinclair/typebox/value'
import { REFUSAL_CODES } from '../../../src/core/provisioning/refusal.ts'
import { EXAMPLES } from '../../../src/http/openapi-examples.ts'
import { PROBLEM_CODES } from '../../../src/http/problem-codes.ts'
import {
  Container,
  EngineProvisioned,
  EngineState,
  JournalPage,
  StreamSample,
  StreamState,
} from '../../../src/http/schemas.ts'
import {
  HealthStatusReport,
  OrchestratorStatus,
  PlanReport,
  VpnStatus,
} from '../../../src/http/status-schemas.ts'
import { EngineStats, EngineUse } from '../../../src/http/usage-schemas.ts'
import {
  type ApiDocument,
  type DocResponse,
  type DocSchema,
  misfits,
  operationsOf,
  resolved,
  TOLERANT,
} from '../../support/api-document.ts'
import { Rig } from '../../support/rig.ts'

let rig: Rig
let document: ApiDocument
beforeAll(async () => {
  rig = new Rig({ API_KEY: 'secret' })
  document = await rig.json<ApiDocument>('GET', '/swagger/json')
})
afterAll(() => rig.dispose())

const operations = () =>
  operationsOf(document).map((operation) => ({
    name: `${operation.method} ${operation.path}`,
    ...operation,
  }))

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
      'DELETE /scale',
      'DELETE /streams/{id}',
      'GET /by-label',
      'GET /containers/{id}',
      'GET /containers/{id}/logs',
      'GET /engines',
      'GET /engines/stats',
      'GET /engines/{id}',
      'GET /engines/{id}/stats',
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
      for (const answer of Object.values(responses))
        expect(resolved(document, answer).description).not.toBe('')
      if (requestBody) expect(requestBody.content['application/json']?.example).toBeDefined()
    }
  })

  test('says which operations refuse a body with a member that they do not know', () => {
    const bodies = operations().flatMap(({ name, requestBody }) => {
      const schema = requestBody?.content['application/json']?.schema
      return schema === undefined ? [] : [[name, resolved(document, schema).additionalProperties] as const]
    })
    expect(Object.fromEntries(bodies)).toEqual({
      'POST /provision': false,
      ...Object.fromEntries(
        TOLERANT.filter((name) => name.startsWith('POST')).map((name) => [name, undefined]),
      ),
    })
    for (const { name, responses } of operations())
      if (!TOLERANT.includes(name))
        expect([name, Object.keys(responses)]).toEqual([name, expect.arrayContaining(['422'])])
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

/** Every schema of the document with the place where it stands; also those within others. */
function schemasAt(
  place: string,
  schema: DocSchema,
): { readonly place: string; readonly schema: DocSchema }[] {
  const { properties = {}, items, additionalProperties, anyOf = [], allOf = [] } = schema
  return [
    { place, schema },
    ...Object.entries(properties).flatMap(([name, each]) => schemasAt(`${place}.${name}`, each)),
    ...(items === undefined ? [] : schemasAt(`${place}[]`, items)),
    ...(additionalProperties ? schemasAt(`${place}.*`, additionalProperties) : []),
    ...[...anyOf, ...allOf].flatMap((each, index) => schemasAt(`${place}|${index}`, each)),
  ]
}

/** Everything in the document that a reader may ask the meaning of. */
function describedParts(): Record<string, readonly { readonly place: string; readonly text: string }[]> {
  const { components, tags } = document
  const answersOf = (at: string, answers: Readonly<Record<string, DocResponse>>) =>
    Object.entries(answers).map(([name, answer]) => ({ place: `${at} ${name}`, answer }))
  const answers = [
    ...operations().flatMap(({ name, responses }) => answersOf(name, responses)),
    ...answersOf('components', components.responses),
  ]
  const text = (schema: DocSchema): string =>
    schema.description ?? resolved(document, schema).description ?? ''
  const own = answers.filter(({ answer }) => answer.$ref === undefined)
  const schemas = [
    ...Object.entries(components.schemas).flatMap(([name, schema]) => schemasAt(name, schema)),
    ...own.flatMap(({ place, answer }) =>
      Object.values(answer.content).flatMap(({ schema }) => schemasAt(place, schema)),
    ),
    ...operations().flatMap(({ name, requestBody }) =>
      Object.values(requestBody?.content ?? {}).flatMap(({ schema }) => schemasAt(`${name} body`, schema)),
    ),
  ]
  // A reference that is a part of another schema is described by that schema, and says nothing itself.
  const told = schemas.filter(({ place }) => !/\|\d+$/.test(place))
  return {
    tags: tags.map(({ name, description = '' }) => ({ place: name, text: description })),
    operations: operations().map(({ name, description = '' }) => ({ place: name, text: description })),
    parameters: operations().flatMap(({ name, parameters = [] }) =>
      parameters.map((each) => ({ place: `${name} ${each.name}`, text: each.description ?? '' })),
    ),
    bodies: operations().flatMap(({ name, requestBody }) =>
      requestBody === undefined ? [] : [{ place: name, text: requestBody.description ?? '' }],
    ),
    responses: answers.map(({ place, answer }) => ({ place, text: resolved(document, answer).description })),
    headers: own.flatMap(({ place, answer }) =>
      Object.entries(answer.headers ?? {}).map(([name, { description }]) => ({
        place: `${place} ${name}`,
        text: description,
      })),
    ),
    properties: told
      .filter(({ place }) => place.includes('.'))
      .map(({ place, schema }) => ({ place, text: text(schema) })),
    schemas: told
      .filter(({ place }) => !place.includes('.'))
      .map(({ place, schema }) => ({ place, text: text(schema) })),
  }
}

describe('what is described', () => {
  test('is every tag, operation, parameter, body, answer, header, field and shape', () => {
    const parts = describedParts()
    const without = Object.values(parts)
      .flat()
      .filter(({ text }) => text.length < 3)
    expect(without).toEqual([])
    const counts = Object.entries(parts).map(([kind, all]) => `${all.length} ${kind}`)
    console.log(`described: ${counts.join(', ')}`)
    expect(parts.properties?.length).toBeGreaterThan(200)
    expect(parts.parameters?.length).toBeGreaterThan(20)
  })

  test('has references that all lead somewhere, to shapes that are all used', () => {
    const references = [...JSON.stringify(document).matchAll(/"\$ref":"([^"]+)"/g)].map(([, to = '']) => to)
    for (const $ref of references) expect(resolved(document, { $ref })).toBeDefined()
    const used = new Set(references.map((to) => to.split('/').at(-1)))
    console.log(`${references.length} references to ${used.size} components`)
    expect(Object.keys(document.components.schemas).filter((name) => !used.has(name))).toEqual([])
    expect(references.length).toBeGreaterThan(200)
  })

  test('has whole numbers with their format, and numbers in a query as numbers', () => {
    const numbers = [...JSON.stringify(document).matchAll(/\{[^{}]*"type":"integer"[^{}]*\}/g)]
    expect(numbers.length).toBeGreaterThan(50)
    expect(numbers.filter(([text]) => !/"format":"int(32|64)"/.test(text)).map(String)).toEqual([])
    for (const name of ['limit', 'duration_s', 'demand', 'tail']) {
      const all = operations().flatMap(({ parameters = [] }) =>
        parameters.filter((each) => each.name === name),
      )
      expect([name, all.length > 0, all.every(({ schema }) => schema.type === 'integer')]).toEqual([
        name,
        true,
        true,
      ])
    }
  })
})

describe('the errors', () => {
  test('stand once in the document, each with an example that fits, of all codes that a caller can get', () => {
    const { responses, schemas } = document.components
    const codes = Object.values(responses).flatMap(({ content }) =>
      Object.values(content).flatMap(({ schema, examples = {} }) =>
        Object.entries(examples).map(([code, { value }]) => {
          expect(misfits(document, schema, value)).toEqual([])
          expect((value as { code: string }).code).toBe(code)
          return code
        }),
      ),
    )
    expect([...codes, 'caller_gone'].toSorted()).toEqual(PROBLEM_CODES.toSorted())
    expect(schemas.Problem?.properties?.code?.enum).toEqual([...PROBLEM_CODES])
    expect(schemas.Refusal?.properties?.code?.enum).toEqual([...REFUSAL_CODES])
    for (const { name, responses: answers } of operations())
      for (const [status, answer] of Object.entries(answers))
        expect([name, status, answer.$ref === undefined]).toEqual([
          name,
          status,
          status === '200' || (name === 'GET /readyz' && status === '503'),
        ])
  })

  const key = { headers: { authorization: 'Bearer secret' } }
  test.each([
    ['missing_token', 'POST', '/gc', undefined, {}],
    ['invalid_token', 'POST', '/gc', undefined, { headers: { authorization: 'Bearer wrong' } }],
    ['malformed_host', 'GET', '/engines', undefined, { headers: { host: 'a b' } }],
    ['host_not_allowed', 'GET', '/engines', undefined, { headers: { host: 'box.example.com' } }],
    ['cross_site', 'POST', '/gc', undefined, { headers: { host: 'x', origin: 'http://evil.example' } }],
    ['not_found', 'POST', '/engines/acestream-9/drain', undefined, key],
    ['engine_not_found', 'GET', '/engines/acestream-9', undefined, {}],
    ['stream_not_found', 'GET', '/streams/abc%7Cs1', undefined, {}],
    ['method_not_allowed', 'DELETE', '/engines', undefined, key],
    ['too_large', 'POST', '/events/stream_ended', 'x'.repeat(70_000), key],
    ['invalid_request', 'POST', '/provision/acestream', { host_port: 0 }, key],
  ] as const)('of %s has the example that %s %s is answered with', async (code, method, path, body, init) => {
    const answer = await rig.during(rig.request(method, path, body, init))
    const examples = Object.values(document.components.responses).flatMap(({ content }) =>
      Object.values(content).flatMap((each) => Object.entries(each.examples ?? {})),
    )
    const example = examples.find(([name]) => name === code)?.[1].value as Record<string, unknown>
    const told = (await answer.json()) as Record<string, unknown>
    expect([answer.status, told.code]).toEqual([Number(example.status), code])
    const general = (text: unknown): unknown =>
      code === 'not_found' ? typeof text : String(text).replaceAll(/"[^"]*"/g, '""')
    const { detail, message, ...rest } = told
    const { detail: shownDetail, message: shown, ...shownRest } = example
    expect(rest).toEqual(shownRest)
    expect(general(message)).toEqual(general(shown))
    expect(typeof detail).toBe(typeof shownDetail)
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
    ['getEngineStats', EngineStats],
    ['listEngineStats', EngineUse],
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
