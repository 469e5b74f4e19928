import fc from 'fast-check'
import { type ApiDocument, type DocSchema, misfits, operationsOf, resolved } from './api-document.ts'

/** A request made from the API document, valid or not. */
export interface MadeRequest {
  /** Of the operation that it was made for; null if there is none. */
  readonly operationId: string | null
  readonly method: string
  /** With the query. */
  readonly target: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string | null
  /** The parameter of its query that the operation does not have; null if there is none. */
  readonly stranger: string | null
}

/** Values of what exists, by the names of fields that take them; one of them is taken often. */
export type Known = Readonly<Record<string, readonly unknown[]>>

type Operation = ReturnType<typeof operationsOf>[number]

/** Texts that have broken programs before. */
const HOSTILE = [
  ...[
    '',
    ' ',
    '..',
    '../../etc/passwd',
    '\0',
    '\u0007',
    '\uD800',
    '\u202E',
    '𝒳'.repeat(200),
    'x'.repeat(5_000),
  ],
  ...["'; DROP TABLE engines; --", '%00', '{{7*7}}', '<script>alert(1)</script>', '__proto__', 'constructor'],
  ...[
    'null',
    'true',
    '1e400',
    '-1',
    'NaN',
    '9007199254740993',
    '1'.repeat(40),
    '[]',
    '{}',
    '2026-13-45',
    'é',
  ],
]

const JUNK = fc.oneof(
  fc.constantFrom<unknown>(...HOSTILE, null, true, 0, -1, 1.5, 1e300, [], {}, [[]], { a: { b: [null] } }),
  fc.string({ unit: 'binary', maxLength: 20 }),
  fc.jsonValue({ maxDepth: 2 }),
)

/** Makes requests to all operations of a document, and some to none. `key` is the right key. */
export function requestsOf(document: ApiDocument, known: Known, key: string): fc.Arbitrary<MadeRequest> {
  const values = new Values(document, known)
  const each = operationsOf(document).map((operation) => requestTo(operation, values, key))
  return fc.oneof({ weight: 24, arbitrary: fc.oneof(...each) }, { weight: 1, arbitrary: elsewhere(key) })
}

function requestTo(operation: Operation, values: Values, key: string): fc.Arbitrary<MadeRequest> {
  const { method, path, operationId, parameters = [], requestBody } = operation
  const given = fc.tuple(
    ...parameters.map((parameter) =>
      values
        .parameter(parameter.name, parameter.schema, parameter.required)
        .map((value) => ({ name: parameter.name, in: parameter.in, value })),
    ),
  )
  const schema = requestBody?.content['application/json']?.schema
  const body: fc.Arbitrary<string | null> =
    method === 'GET' ? fc.constant(null) : schema === undefined ? noBody : values.body(schema)
  const stranger = strangerTo(parameters.map(({ name }) => name))
  return fc
    .record({ given, body, stranger, keyed: headerOf(key) })
    .map(({ given, body, stranger, keyed }) => {
      const of = (where: string) => given.filter((each) => each.in === where && each.value !== null)
      const target = of('path').reduce(
        (text, { name, value }) => text.replace(`{${name}}`, segment(value)),
        path,
      )
      const query = [
        ...of('query').map(({ name, value }) => `${name}=${encoded(value)}`),
        ...(stranger === null ? [] : [`${encoded(stranger)}=1`]),
      ]
      const headers = Object.fromEntries(of('header').map(({ name, value }) => [name, String(value)]))
      return {
        operationId,
        method,
        target: query.length === 0 ? target : `${target}?${query.join('&')}`,
        headers: { ...keyed, ...headers },
        body,
        stranger,
      }
    })
}

/** Mostly none; else a slip in one of the names, or a name from nowhere. */
const strangerTo = (names: readonly string[]): fc.Arbitrary<string | null> => {
  const slips = names.flatMap((name) => [name.slice(1), `${name}s`, name.toUpperCase()])
  const strange = [...slips, '_', 'v', '__proto__', 'constructor', 'x'.repeat(2_000), '[]'].filter(
    (name) => !names.includes(name),
  )
  return fc.oneof(
    { weight: 9, arbitrary: fc.constant(null) },
    { weight: 1, arbitrary: fc.constantFrom(...strange) },
  )
}

const noBody = fc.oneof(
  { weight: 8, arbitrary: fc.constant(null) },
  { weight: 1, arbitrary: fc.constantFrom('{}', '[', 'x') },
)

/** Mostly the right key. */
const headerOf = (key: string): fc.Arbitrary<Record<string, string>> =>
  fc.oneof(
    { weight: 8, arbitrary: fc.constant({ authorization: `Bearer ${key}` }) },
    { weight: 1, arbitrary: fc.constantFrom<Record<string, string>>({}, { authorization: 'Basic x' }) },
    {
      weight: 1,
      arbitrary: fc.constantFrom({ authorization: 'Bearer wrong' }, { authorization: `Bearer ${key}x` }),
    },
  )

const elsewhere = (key: string): fc.Arbitrary<MadeRequest> =>
  fc.record({
    operationId: fc.constant(null),
    method: fc.constantFrom('PUT', 'PATCH', 'POST', 'DELETE', 'GET'),
    target: fc.constantFrom(
      '/nothing',
      '/events/none',
      '/enginesx',
      '/a/b/c',
      '/engines/a/b',
      '/%zz',
      '/swaggerx',
    ),
    headers: headerOf(key),
    body: fc.constant(null),
    stranger: fc.constant(null),
  })

/** Percent signs that begin nothing are left as they are. */
const BROKEN = ['%', '%zz', '%ff', '%E0%A4%A', '%00']
const encoded = (value: unknown): string =>
  BROKEN.includes(String(value)) ? String(value) : encodeURIComponent(String(value).toWellFormed())

/** A part of a path. A URL drops one that is empty or only dots, and would name another path. */
const segment = (value: unknown): string => (/^\.{0,2}$/.test(String(value)) ? 'x' : encoded(value))

/** Makes values from schemas, mostly valid ones. */
class Values {
  constructor(
    private readonly document: ApiDocument,
    private readonly known: Known,
  ) {}

  /** Null for a parameter that is left out. */
  parameter(name: string, schema: DocSchema, isRequired: boolean): fc.Arbitrary<unknown> {
    return fc.oneof(
      { weight: isRequired ? 0 : 6, arbitrary: fc.constant(null) },
      { weight: 6, arbitrary: this.of(schema, name) },
      { weight: 1, arbitrary: fc.constantFrom(...HOSTILE, ...BROKEN) },
    )
  }

  body(schema: DocSchema): fc.Arbitrary<string | null> {
    const valid = this.of(schema, '')
    const broken = fc.tuple(valid, fc.nat(), JUNK).map(([value, at, junk]) => withJunk(value, at, junk))
    return fc.oneof(
      { weight: 8, arbitrary: valid.map((value) => JSON.stringify(value)) },
      { weight: 5, arbitrary: broken.map((value) => JSON.stringify(value)) },
      { weight: 1, arbitrary: JUNK.map((value) => JSON.stringify(value)) },
      {
        weight: 1,
        arbitrary: fc.constantFrom(null, '', '{', '{"a":', '\0', '['.repeat(500), 'x'.repeat(70_000)),
      },
    )
  }

  of(given: DocSchema, name: string): fc.Arbitrary<unknown> {
    const any = this.#any(resolved(this.document, given), name)
    // A member of a body may have the name of a parameter and be something else.
    const known = (this.known[name] ?? []).filter((each) => misfits(this.document, given, each).length === 0)
    return known.length === 0
      ? any
      : fc.oneof({ weight: 4, arbitrary: fc.constantFrom(...known) }, { weight: 1, arbitrary: any })
  }

  #any(schema: DocSchema, name: string): fc.Arbitrary<unknown> {
    const { nullable, anyOf, allOf, ...rest } = schema
    if (nullable) return fc.option(this.#any(rest, name))
    if (rest.enum !== undefined) return fc.constantFrom(...rest.enum)
    const parts = anyOf ?? allOf
    if (parts !== undefined) return fc.oneof(...parts.map((part) => this.of(part, name)))
    if (rest.type === 'object') return this.#object(rest)
    if (rest.type === 'integer') return fc.integer({ min: rest.minimum ?? -9, max: rest.maximum ?? 99 })
    if (rest.type === 'boolean') return fc.boolean()
    if (rest.pattern !== undefined) return fc.stringMatching(new RegExp(rest.pattern))
    const minLength = rest.minLength ?? 0
    return fc.string({
      unit: 'grapheme',
      minLength,
      maxLength: Math.min(rest.maxLength ?? 40, minLength + 40),
    })
  }

  #object({ properties = {}, required = [], additionalProperties }: DocSchema): fc.Arbitrary<unknown> {
    if (additionalProperties) {
      const names = fc.oneof(
        fc.constantFrom('80/tcp', '53/udp', 'A', 'b.c'),
        fc.string({ minLength: 1, maxLength: 9 }),
      )
      return fc.dictionary(names, this.of(additionalProperties, ''), { maxKeys: 3 })
    }
    const members = Object.entries(properties).map(([name, each]) => [name, this.of(each, name)] as const)
    return fc.record(Object.fromEntries(members), { requiredKeys: [...required] })
  }
}

/** Puts junk in the place of one member, or leaves the member out. */
function withJunk(value: unknown, at: number, junk: unknown): unknown {
  if (typeof value !== 'object' || value === null) return junk
  const entries = Object.entries(value)
  if (entries.length === 0 || at % 7 === 0) return { ...value, more: junk }
  const index = at % entries.length
  const changed = entries.map(([name, member], place) => {
    if (place !== index) return [name, member]
    return [name, at % 3 === 0 ? withJunk(member, Math.floor(at / 3), junk) : junk]
  })
  return Object.fromEntries(at % 5 === 0 ? changed.filter((_, place) => place !== index) : changed)
}
