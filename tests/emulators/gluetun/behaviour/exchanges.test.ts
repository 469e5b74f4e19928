/** Sends every exchange recorded from the real Gluetun to the emulator in the same state. */

import { describe, expect, test } from 'bun:test'
import { DIALECT_NAMES } from '../dialect.ts'
import type { TestAnswer, TestGluetun } from '../testing/harness.ts'
import { type Exchange, type ExchangeGroup, exchangeGroups } from '../testing/recordings.ts'
import { setUp } from '../testing/set-ups.ts'

const COMPARED_HEADERS = [
  'Content-Type',
  'Content-Length',
  'Location',
  'Www-Authenticate',
  'X-Content-Type-Options',
]

const groups = (await Promise.all(DIALECT_NAMES.map(exchangeGroups))).flat()

describe.each(groups)('$dialect, $auth, $state', (group) => {
  test('answers as recorded', async () => {
    await using gluetun = await setUp(group)
    for (const exchange of group.exchanges) {
      for (const headers of exchange.credentials ?? [null]) {
        const label = JSON.stringify([exchange.request, headers])
        const answer = await ask(gluetun, exchange, headers)
        expect([label, comparable(answer, exchange)]).toEqual([label, recorded(exchange)])
      }
    }
  })
})

test('no recorded exchange is left out', () => {
  const count = ({ exchanges }: ExchangeGroup) =>
    exchanges.reduce((sum, { credentials }) => sum + (credentials?.length ?? 1), 0)
  expect(groups.reduce((sum, group) => sum + count(group), 0)).toBe(3490)
})

function ask(
  gluetun: TestGluetun,
  { request }: Exchange,
  headers: Readonly<Record<string, string>> | null,
): Promise<TestAnswer> {
  const { method, path, port, body } = request
  return gluetun.ask({
    method,
    path,
    toHealth: port === 9999,
    ...(headers === null ? {} : { headers }),
    ...(body === undefined ? {} : { body }),
  })
}

interface Comparable {
  readonly status?: number
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
  readonly error?: string
}

function recorded({ request, response }: Exchange): Comparable {
  if (response.error !== undefined) return { error: response.error }
  return pick(request, response.status ?? 0, response.headers ?? {}, response.body ?? '')
}

function comparable(answer: TestAnswer, { request }: Exchange): Comparable {
  if ('error' in answer) return { error: answer.error }
  const named = COMPARED_HEADERS.map((name) => [name, answer.headers[name.toLowerCase()]] as const)
  const headers = Object.fromEntries(
    named.flatMap(([name, value]) => (value === undefined ? [] : [[name, String(value)]])),
  )
  return pick(request, answer.status, headers, answer.body)
}

/** Leaves out parts that were not recorded or differ by a millisecond each time. */
function pick(
  { method, path }: Exchange['request'],
  status: number,
  headers: Readonly<Record<string, string>>,
  body: string,
): Comparable {
  const isSettings = path.endsWith('/settings') && status === 200
  const names = COMPARED_HEADERS.filter(
    (name) => !(name === 'Content-Length' && (isSettings || method === 'HEAD')),
  )
  return {
    status,
    headers: Object.fromEntries(
      names.flatMap((name) => (name in headers ? [[name, headers[name] ?? '']] : [])),
    ),
    body: isSettings ? '' : body.replace(/\((\d+)\d\d\dms\)/g, '($1 s)'),
  }
}
